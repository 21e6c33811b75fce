"""For all tests: a service that one of them starts makes its daily speed test, and that must not leave this machine."""

import os

os.environ.setdefault("SPEED_TEST_PROVIDERS", "http")
os.environ.setdefault("SPEED_TEST_DOWNLOAD_URL", "http://127.0.0.1:9/{bytes}")  # nobody listens there
os.environ.setdefault("SPEED_TEST_UPLOAD_URL", "http://127.0.0.1:9/")
