"""Qingsheng (青声, "young voices"): the back office of an open volunteer communication programme."""

__version__ = "0.1.0"
