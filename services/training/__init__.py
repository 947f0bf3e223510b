"""Training: sessions and who attended them."""
