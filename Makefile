# `make demo` and `make test` need only Python 3.11, 3.12 or 3.13; each makes its environment in .venv first, once.
# Another Python: make demo PYTHON=/path/to/python3.12

PYTHON =
CANDIDATES = $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3 python)
EXTRAS = report,solvers,causal,pareto,dev
RUN = .venv/bin/python
DEMO = optbudget-demo

.PHONY: demo test nightly bench lint docs clean

demo: .venv/.ready
	$(RUN) -m optbudget demo --out $(DEMO)

test: .venv/.ready
	$(RUN) -m pytest -n 2

nightly: .venv/.ready
	$(RUN) -m pytest -m nightly

bench: .venv/.ready
	$(RUN) -m tests.bench

lint: .venv/.ready
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

docs: .venv/.ready
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(RUN) -m sphinx -W --keep-going -q docs build/docs

clean:
	rm -rf .venv $(DEMO) build dist

# The stamp is written last: an interrupted try leaves none, and the next one starts from an empty folder.
.venv/.ready: pyproject.toml constraints.txt
	@found=; wrong=; bare=; \
	for python in $(CANDIDATES); do \
	  version=$$("$$python" -c 'import sys; print(*sys.version_info[:2], sep=".")' 2>/dev/null) || continue; \
	  case $$version in 3.11|3.12|3.13) ;; *) wrong=$$version; continue;; esac; \
	  "$$python" -c 'import venv, ensurepip' 2>/dev/null || { bare=$$version; continue; }; \
	  found=$$python; break; \
	done; \
	if [ -z "$$found" ]; then \
	  if [ -n "$$bare" ]; then \
	    echo "Python $$bare has no venv module: install it (on Debian and Ubuntu: apt-get install python$$bare-venv) and run make again." >&2; \
	  elif [ -n "$$wrong" ]; then \
	    echo "optbudget needs Python 3.11, 3.12 or 3.13 and found only $$wrong: install one of them, or name it with make PYTHON=/path/to/python3." >&2; \
	  else \
	    echo "optbudget needs Python 3.11, 3.12 or 3.13 and found none: install one, or name it with make PYTHON=/path/to/python3." >&2; \
	  fi; \
	  exit 1; \
	fi; \
	rm -f .venv/.ready; \
	echo "Making the environment in .venv with Python $$version (once; about two minutes) ..." >&2; \
	"$$found" -m venv --clear .venv && \
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]' && \
	touch .venv/.ready
