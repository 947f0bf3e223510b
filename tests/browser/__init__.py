"""Pages in real headless Chromium."""
