# Two commands for a new user: `make demo` and `make test`. Each makes .venv first if it is missing.
PYTHON ?= python3
BIN := .venv/bin

# Cells use a name again for another thing; calls, attributes and names are held.
NOTEBOOK := --allow-redefinition $(addprefix --disable-error-code=,assignment union-attr arg-type operator var-annotated)

# Four on two cores: some tests wait, for a time limit above all. A worker that has nothing left takes
# over what waits for another.
WORKERS ?= 4
PYTEST = pytest -q -n $(WORKERS) --dist worksteal

.PHONY: demo test prove lowest colab build site practice picture lint bench clean

demo: .venv/ready
	$(BIN)/course demo

test: .venv/ready
	$(BIN)/$(PYTEST)

# Every question, tried with wrong answers by the hundred, each graded so many times: some minutes.
SEEDS ?= 40
prove: .venv/ready
	$(BIN)/course prove --seeds $(SEEDS)

# The tests on the lowest versions that pyproject.toml allows; TESTS names some of them.
TESTS ?=
lowest: .venv-lowest/ready
	.venv-lowest/bin/$(PYTEST) $(TESTS)

# Every released notebook in a place like Colab, and every shape that Colab gives a submission.
colab: .venv/ready
	$(BIN)/pytest -q tests/colab/every_notebook.py

build: .venv/ready
	$(BIN)/course build

# The web site, in site/. Notebooks are run where they have changed: some minutes the first time.
site: .venv/ready
	$(BIN)/python docs/site/build.py

# Every question that the site practises, answered in a browser and compared with CPython: some minutes.
practice: .venv/ready
	$(BIN)/pytest -q -s tests/site/every_question.py

picture: .venv/ready
	$(BIN)/python docs/site/picture.py

lint: .venv/ready
	$(BIN)/ruff format --check helpers tests benchmarks docs source nbgrader_config.py
	$(BIN)/ruff check helpers tests benchmarks docs source nbgrader_config.py
	$(BIN)/mypy helpers
	$(BIN)/mypy docs/site
	$(BIN)/mypy $(NOTEBOOK) source/*/*.py

# Each script says in its docstring what it measures; results go to benchmarks/results/.
bench: .venv/ready
	$(BIN)/python benchmarks/grading.py
	$(BIN)/python benchmarks/meter.py
	$(BIN)/python benchmarks/memory.py

# The exact versions of requirements.lock, then the package itself from this folder. Compiled now:
# the sandbox sees them read-only, and would compile what it imports at every start.
.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(if $(wildcard .venv/ready),,--clear) .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --requirements requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch .venv/ready

# What these packages need in turn is the newest. Some GB: PyTorch comes in another version.
.venv-lowest/ready: pyproject.toml .venv/ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-lowest
	$(BIN)/uv pip install --quiet --compile-bytecode --python .venv-lowest/bin/python \
		--resolution lowest-direct --requirements pyproject.toml --all-extras
	$(BIN)/uv pip install --quiet --python .venv-lowest/bin/python --no-deps --editable .
	touch .venv-lowest/ready

clean:
	rm -rf .venv .venv-lowest demo
