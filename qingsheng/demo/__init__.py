"""The 2014 story, played through the public doors: ``qingsheng demo``."""
