"""What published scores say of the five questions."""
