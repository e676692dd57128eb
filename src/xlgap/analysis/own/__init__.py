"""Tables of scores that someone else made."""
