"""Tests: the folders mirror services/ and shared/."""
