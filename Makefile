# Two commands are enough: make run, make test. The rest is for those who build.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := $(CURDIR)

.PHONY: run demo test check bench clean

run: $(VENV)/.run
	exec $(BIN)/streamlit run app.py

demo: $(VENV)/.run
	exec env -u PLEX_URL -u PLEX_TOKEN KEEPER_ENV_FILE=/dev/null $(BIN)/streamlit run app.py

test: $(VENV)/.dev
	$(BIN)/python -m coverage run -m pytest tests/rules
	$(BIN)/python -m coverage report --fail-under=100
	$(BIN)/python -m pytest tests/browser
	$(BIN)/python -m pytest tests --ignore tests/rules --ignore tests/browser -n 2

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_house.py tests/test_docs.py

bench: $(VENV)/.dev
	$(BIN)/python -m bench

$(VENV)/.run: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $(VENV)/.run $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .coverage
