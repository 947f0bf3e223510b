"""``python -m qingsheng`` is the ``qingsheng`` command."""

from qingsheng.cli import app

if __name__ == "__main__":
    app()
