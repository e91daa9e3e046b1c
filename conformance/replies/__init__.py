"""What a check is given: one exchange, recognised and read as far as it can be read.

Everything here is lenient: whatever a server sends, these views have the same shapes, and a place
that holds something else is simply not in them. Whether it should have been there is for checks.
Places are named as findings name them (``choices[0].message``, ``events[3].choices[0]``).
"""

from conformance.replies.base import (
    DONE,
    NO_MODEL,
    EndlessStream,
    Endpoint,
    ErrorReply,
    Json,
    Place,
    Raised,
    Refusal,
    Reply,
    Shaped,
    Stream,
    a_list,
    a_text,
    an_object,
    index_of,
    is_int,
    is_number,
    objects,
)
from conformance.replies.generation import (
    Answer,
    Call,
    ChatCompletion,
    ChatReply,
    ChatStream,
    Completion,
    CompletionStream,
    Generation,
    TextReply,
    is_filter_chunk,
)
from conformance.replies.others import (
    Embeddings,
    Model,
    ModelList,
    ResponseObject,
    ResponseStream,
)

__all__ = [
    "DONE",
    "NO_MODEL",
    "Answer",
    "Call",
    "ChatCompletion",
    "ChatReply",
    "ChatStream",
    "Completion",
    "CompletionStream",
    "Embeddings",
    "EndlessStream",
    "Endpoint",
    "ErrorReply",
    "Generation",
    "Json",
    "Model",
    "ModelList",
    "Place",
    "Raised",
    "Refusal",
    "Reply",
    "ResponseObject",
    "ResponseStream",
    "Shaped",
    "Stream",
    "TextReply",
    "a_list",
    "a_text",
    "an_object",
    "index_of",
    "is_filter_chunk",
    "is_int",
    "is_number",
    "objects",
]
