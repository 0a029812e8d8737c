"""What is looked for before training is spent: columns that give the target away, and test rows unlike the others."""
