from tests.serve.fixtures import living, serving

__all__ = ("living", "serving")
