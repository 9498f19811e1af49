"""A worker of the shop that cannot stand its work: crashes after two seconds."""

import time

print("sending mail")
time.sleep(2)
raise ConnectionError("the mail server hung up")
