from limits.bucket import TokenBucket
from limits.cache import LRUCache

__all__ = ["LRUCache", "TokenBucket"]
