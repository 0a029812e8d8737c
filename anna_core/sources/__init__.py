"""Sources: what the bank brings, read and observed; which rows there are, by month, and what is wrong with them."""
