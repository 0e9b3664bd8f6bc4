"""Questions and answers as data, and who has them answered; imports no torch."""
