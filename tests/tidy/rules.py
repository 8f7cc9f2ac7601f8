"""The rules of the house that a compiler does not check: layers, third-party includes, sizes, names.

check(root, files) returns findings, "path:line: what is wrong"; an empty list is a tidy tree. Rules
read the source with comments and strings blanked, so that prose about a banned call is no call.
The table of layers is that of docs/ARCHITECTURE.md.
"""

import pathlib
import re

ROOMS = ["base", "raft", "log", "dsl", "engine", "codecs", "rehearsal", "node", "daemon", "cli"]

# A room may include itself and these.
LAYERS = {
    "base": [],
    "raft": ["base"],
    "log": ["base"],
    "dsl": ["base"],
    "engine": ["dsl", "base"],
    "codecs": ["engine", "dsl", "raft", "base"],
    "rehearsal": ["codecs", "engine", "dsl", "base"],
    "node": ["codecs", "engine", "dsl", "raft", "log", "base"],
    "daemon": ["node", "codecs", "engine", "dsl", "raft", "log", "base"],
    "cli": ["daemon", "node", "rehearsal", "codecs", "engine", "dsl", "log", "base"],
}

# What an include begins with -> the files that may have it (regular expressions on the path). Order
# matters: Beast stands under boost/. None of these in a header, whatever the room.
THIRD_PARTY = [
    ("boost/test/", r"tests/"),
    ("boost/beast/", r"daemon/http[^/]*\.cc|cli/client[^/]*\.cc"),
    ("boost/asio", r"daemon/http[^/]*\.cc|cli/client[^/]*\.cc"),
    ("boost/", r"daemon/http[^/]*\.cc|cli/client[^/]*\.cc"),
    ("asio", r"daemon/[^/]*\.cc"),
    ("ares", r"daemon/ares_lookup\.cc"),
    ("rapidjson/", r"codecs/[^/]*\.cc"),
    ("flatbuffers/", r"codecs/[^/]*\.cc"),
    ("toml++/", r"dsl/toml[^/]*\.cc|daemon/config[^/]*\.cc"),
    ("toml.hpp", r"dsl/toml[^/]*\.cc|daemon/config[^/]*\.cc"),
    ("zstd", r"log/compression\.cc|log/zstd_left_out\.cc|engine/packed_run\.cc|engine/run_shapes\.cc"),
    ("CLI/", r"cli/[^/]*\.cc"),
    ("sodium", r"base/digest\.cc|codecs/seal\.cc"),
]
ONE_UNIT = ["toml++/", "toml.hpp"]  # at most one translation unit a room: it takes seconds to compile

FUNCTION_LINES_MAX = 70
HEADER_LINES_MAX = 300
BANNED_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
BANNED_WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK|[Ss]tub|[Pp]laceholder)\b")

PURE = ("raft", "dsl", "engine", "rehearsal", "node")
PURE_INCLUDES = re.compile(
    r"<(fstream|iostream|thread|mutex|shared_mutex|condition_variable|future|random|filesystem|"
    r"unistd\.h|fcntl\.h|pthread\.h|poll\.h|signal\.h|sys/[\w.]+)>")

# What is banned -> where it is allowed nevertheless (on the path; None: nowhere).
BANNED = [
    (r"\b(getaddrinfo|gethostbyname|getpwnam|getpwuid|getgrnam|getgrgid|getgrouplist)(_r)?\s*\(", None,
     "needs NSS, which a static binary does not have: read the file"),
    (r"(?<![\w.>])(std::)?(system|popen)\s*\(", None, "the daemon runs no program"),
    (r"\bstd::s?rand\b|(?<![\w.>:])s?rand\s*\(", None, "use base/random.h"),
    (r"\b(sprintf|strcpy|strcat|gets|alloca|tmpnam|strtok)\s*\(", None, "has no bound"),
    (r"\bstd::(format|expected)\b|#include <(format|expected)>", None, "clang 14 does not have it"),
    (r"\bthrow\b", None, "our code does not throw: return a status or a value"),
    (r"(?<![\w.>:])assert\s*\(", r"base/library_checks/", "use PAWL_CHECK, which stays on"),
    (r"\b(get_?)?[iI]nstance\s*\(\s*\)", None, "a singleton: main wires"),
    (r"\bstd::(jthread|thread|async)\b(?!::id)|\bpthread_create\b", r"daemon/", "threads live in daemon/"),
    (r"\bstd::(\w*mutex|condition_variable\w*|lock_guard|unique_lock|scoped_lock)\b|\babsl::Mutex\b",
     r"daemon/(disk|cold)_thread\.(h|cc)", "only the two hand-over files lock"),
    (r"\b(steady_clock|system_clock|high_resolution_clock|clock_gettime|gettimeofday)\b|"
     r"(?<![\w.>:])(std::)?time\s*\(\s*(nullptr|NULL|0|&)|\babsl::Now\b",
     r"(daemon|cli)/", "time is an argument: only daemon/ and cli/ have a clock"),
    (r"\b(random_device|getrandom|getentropy|mt19937\w*)\b", r"(daemon|cli)/",
     "randomness is an argument"),
]

HASH_DECLARATION = re.compile(
    r"\b(?:flat_hash_map|flat_hash_set|node_hash_map|node_hash_set|unordered_map|unordered_set|"
    r"unordered_multimap|unordered_multiset)\s*<[^;{}()]*>\s*&?\s*(\w+)\s*[;={,)]")
POINTER_ORDER = re.compile(r"\bstd::(?:map|set|multimap|multiset)<\s*(?:const\s+)?[\w:]+\s*\*")
RANGE_FOR = re.compile(r"\bfor\s*\([^;()]*[^:]:\s*(?:\w+(?:\.|->))*(\w+)\s*\)")
BEGIN_CALL = re.compile(r"\b(\w+)(?:\.|->)c?begin\s*\(")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
SCOPE_WORDS = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
MARKDOWN_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blank(text, keep_strings=False):
    """The text with comments and the insides of literals turned into spaces; lines stay where they are."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"([^()\\ ]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'
        r"(?<![\w])'(?:\\.|[^'\\\n])+'", re.S)

    def spaces(match):
        found = match.group(0)
        if keep_strings and not found.startswith("/"):
            return found
        return re.sub(r"[^\n]", " ", found)

    return token.sub(spaces, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def room_of(path):
    return path.split("/", 1)[0] if "/" in path else ""


class Source:
    """A C++ file: its path from the root, its text, and its text blanked."""

    def __init__(self, root, path):
        self.path = path
        self.room = room_of(path)
        self.header = path.endswith(".h")
        self.text = (root / path).read_text(encoding="utf-8")
        self.code = blank(self.text)
        self.includes = [(kind, name, line_of(self.text, at)) for kind, name, at in (
            (m[1], m[2], m.start(2)) for m in INCLUDE.finditer(blank(self.text, keep_strings=True)))]


def functions(code):
    """(first line, last line) of every outermost function body, by counting braces."""
    scopes = []  # one a brace: "scope", "function" or "other", with the line it opened on
    since = 0    # where the text that introduces the next brace begins
    for at, char in ((m.start(), m.group()) for m in re.finditer(r"[{};]", code)):
        inside = any(kind == "function" for kind, _ in scopes)
        if char == ";":
            since = at + 1 if not inside else since
        elif char == "{":
            head = code[since:at]
            if inside or re.search(r"[\w>)\]]$", head) and not head[-1].isspace():
                scopes.append(("other", line_of(code, at)))  # `member_{1}`: part of the head goes on
                continue
            if SCOPE_WORDS.search(head) and not re.search(r"\)\s*(const|noexcept|override|final|\s)*$", head):
                kind = "scope"
            else:
                kind = "function" if "(" in head else "braces"
            scopes.append((kind, line_of(code, at)))
            since = at + 1
        elif scopes:
            kind, first = scopes.pop()
            if kind == "function":
                yield first, line_of(code, at)
            if kind != "other" and not any(k == "function" for k, _ in scopes):
                since = at + 1


def check_layers(source):
    for kind, name, line in source.includes:
        target = room_of(name)
        if kind == '"' and target in ("tests", "bench"):
            yield line, f"includes {name}: nothing includes tests/ or bench/"
        elif kind == '"' and target in ROOMS and target != source.room:
            if target not in LAYERS[source.room]:
                allowed = ", ".join(LAYERS[source.room]) or "std and Abseil"
                yield line, f"includes {name}: {source.room}/ may include only {allowed}"


def check_third_party(source):
    for _, name, line in source.includes:
        for prefix, allowed in THIRD_PARTY:
            if name.startswith(prefix) or name.endswith("_generated.h") and prefix == "flatbuffers/":
                if source.header:
                    yield line, f"includes {name} in a header: it belongs in a .cc file"
                elif not re.fullmatch(allowed, source.path) and not re.match(allowed + "$", source.path):
                    yield line, f"includes {name}: only {allowed} may"
                break


def check_banned(source):
    for pattern, allowed, why in BANNED:
        if allowed and re.match(allowed, source.path):
            continue
        for match in re.finditer(pattern, source.code):
            what = match.group(0).strip().rstrip("( ")
            yield line_of(source.code, match.start()), f"`{what}`: {why}"


def check_pure(source):
    for match in PURE_INCLUDES.finditer(source.code):
        yield line_of(source.code, match.start()), \
            f"includes {match.group(0)}: {source.room}/ has no I/O, threads or randomness"
    for match in POINTER_ORDER.finditer(source.code):
        yield line_of(source.code, match.start()), "orders by pointer, which differs from box to box"


def check_sizes(source):
    lines = source.text.count("\n")
    if source.header and lines > HEADER_LINES_MAX:
        yield HEADER_LINES_MAX, f"has {lines} lines; a header has at most {HEADER_LINES_MAX}"
    for first, last in functions(source.code):
        if last - first + 1 > FUNCTION_LINES_MAX:
            yield first, f"a function of {last - first + 1} lines; at most {FUNCTION_LINES_MAX} fit a screen"


def check_header(source):
    if source.header and not source.text.startswith("// "):
        yield 1, "a header opens with its story, a comment"
    if source.header and "#pragma once" not in source.text:
        yield 1, "lacks #pragma once"


def check_hash_iteration(room, sources):
    """Iterations over a hash container of the same room, as far as names tell."""
    names = set()
    for source in sources:
        names.update(HASH_DECLARATION.findall(source.code))
    for source in sources:
        for pattern in (RANGE_FOR, BEGIN_CALL):
            for match in pattern.finditer(source.code):
                if match[1] in names:
                    yield source, line_of(source.code, match.start()), \
                        f"iterates over `{match[1]}`, a hash container: its order is nobody's"


def check_names(path):
    for part in re.split(r"[/_.\-]", path):
        if part in BANNED_NAMES:
            yield 0, f"is named `{part}`, which says nothing about what it holds"


def check_words(path, text):
    if path.startswith("tests/tidy/") or path == "LICENSE":
        return
    for match in BANNED_WORDS.finditer(text):
        yield line_of(text, match.start()), f"`{match[0]}`: finish it or open an issue"


def check_links(root, path, text):
    for match in MARKDOWN_LINK.finditer(text):
        target = match[1]
        if "://" in target or target.startswith("mailto:"):
            continue
        if not (root / path).parent.joinpath(target).exists():
            yield line_of(text, match.start()), f"links to {target}, which does not exist"


def check_readme(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    script = root / "dev"
    for command in ("demo", "test"):
        if f"./dev {command}" not in readme:
            yield 0, f"does not show ./dev {command}"
        if f"cmd_{command}()" not in script.read_text(encoding="utf-8"):
            yield 0, f"shows ./dev {command}, which dev does not have"
    if not script.stat().st_mode & 0o111:
        yield 0, "shows ./dev, which cannot be executed"


def check_source(source):
    if source.room in ROOMS:
        yield from check_layers(source)
        yield from check_banned(source)
    if source.room != "bench":
        yield from check_third_party(source) if source.room != "tests" else ()
    if source.room in PURE:
        yield from check_pure(source)
    yield from check_sizes(source)
    yield from check_header(source)


def check_one_unit(sources):
    seen = {}
    for source in sources:
        for _, name, line in source.includes:
            if source.room in ROOMS and any(name.startswith(prefix) for prefix in ONE_UNIT):
                first = seen.setdefault(source.room, source.path)
                if first != source.path:
                    yield source, line, f"includes {name}, and so does {first}: one unit a room"


def is_text(path):
    try:
        path.read_text(encoding="utf-8")
        return True
    except UnicodeDecodeError:
        return False


def check(root, files):
    """Findings of the tree at `root`, of which `files` (paths from it) are looked at."""
    root = pathlib.Path(root)
    findings = []
    add = lambda path, items: findings.extend(f"{path}:{line}: {what}" for line, what in items)
    sources = [Source(root, path) for path in files if path.endswith((".cc", ".h"))]
    for source in sources:
        add(source.path, check_source(source))
    for room in PURE:
        for source, line, what in check_hash_iteration(room, [s for s in sources if s.room == room]):
            add(source.path, [(line, what)])
    for source, line, what in check_one_unit(sources):
        add(source.path, [(line, what)])
    for path in files:
        add(path, check_names(path))
        if is_text(root / path):
            text = (root / path).read_text(encoding="utf-8")
            add(path, check_words(path, text))
            if path.endswith(".md"):
                add(path, check_links(root, path, text))
    if "README.md" in files:
        add("README.md", check_readme(root))
    return sorted(findings)
