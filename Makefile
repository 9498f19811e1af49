# Everything sets itself up in .venv: with uv if it is there, else with venv and pip.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint bench bench-logs test-logs fuzz test-otp test-otp-live test-vm clean
.DELETE_ON_ERROR:

demo: $(READY) ## watch a tree of real programs crash and come back (15 s)
	$(BIN)/python examples/tour.py

# The tests start hundreds of programs that import supctl: it is to be compiled once.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(READY) ## everything that can run on this machine, on all its processors
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not survival"

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## figures against bare loops, runit, supervisorctl and PM2, in one run
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.ipc

bench-logs: $(READY) ## the log path against `app | cat > file` and peers that are installed
	$(BIN)/python -m benchmarks.logs

test-logs: $(READY) ## who stores logs is killed every 50 ms, for a minute in each mode
	$(BIN)/python -m tests.logs.killing

test-survival: export PYTHONDONTWRITEBYTECODE :=
test-survival: $(READY) ## daemon, reaper and clients are killed or upgraded, 200 times, while ten apps work
	$(BIN)/python -m pytest -n auto --dist worksteal -m survival tests/daemon
	$(BIN)/python -m tests.daemon.rounds
	if command -v nginx; then $(BIN)/python -m tests.daemon.serving; else echo "skipped: no nginx"; fi

fuzz: $(READY) ## bytes that a fuzzer makes up, for FUZZ_SECONDS=600
	sh scripts/fuzz $(BIN)/python

test-otp: $(READY) ## 20,000 scenarios, event by event against the traces of Erlang/OTP
	$(BIN)/python tests/otp/compare.py

test-otp-live: $(READY) ## 5,000 scenarios of our own against a live Erlang/OTP (2 min; apt-get installs it)
	$(BIN)/python tests/otp/live.py

test-vm: $(READY) ## limits, in a virtual machine with real cgroups v2
	tests/vm/run $(BIN)/python

$(READY): pyproject.toml
	PYTHON=$(PYTHON) sh scripts/setup .venv
	touch $(READY)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis
