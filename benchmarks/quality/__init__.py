"""How good the models are: every task, five splits, beside the peers' figures, and what each ingredient gives."""
