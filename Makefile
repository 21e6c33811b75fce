# Two commands are enough: make run, make test. The rest is for those who build.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := $(CURDIR)

.PHONY: run demo test check audit lock bench clean

run: $(VENV)/.run
	exec $(BIN)/streamlit run app.py

demo: $(VENV)/.run
	exec env -u PLEX_URL -u PLEX_TOKEN KEEPER_ENV_FILE=/dev/null $(BIN)/streamlit run app.py

test: $(VENV)/.dev
	$(BIN)/python -m coverage run -m pytest tests/rules
	$(BIN)/python -m coverage report --fail-under=100
	$(BIN)/python -m pytest tests/browser -n 2 --dist loadfile
	$(BIN)/python -m pytest tests --ignore tests/rules --ignore tests/browser -n 3 --dist worksteal

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_house.py tests/test_docs.py
	$(MAKE) --no-print-directory audit

audit: $(VENV)/.dev
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive app.py logic.py jobs.py monitor.py auth.py keeper
	$(BIN)/python tests/audit.py

bench: $(VENV)/.dev
	$(BIN)/python -m bench

# After a version was changed in requirements*.txt: a new environment finds what goes with it.
lock:
	$(PYTHON) -m venv --clear $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(VENV)/lock/bin/python tests/audit.py --lock
	rm -rf $(VENV)/lock

$(VENV)/.run: requirements.txt constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements.txt
	touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-dev.txt
	touch $(VENV)/.run $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .coverage
