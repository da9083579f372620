"""Local replicas kept current by announcements, and watches over them."""
