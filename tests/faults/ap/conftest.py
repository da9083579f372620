from tests.serve.fixtures import guarded, living, serving

__all__ = ("guarded", "living", "serving")
