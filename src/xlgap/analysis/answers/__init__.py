"""What measured rows answer to the five questions, and what they do not."""
