# Sourced by the other scripts: the virtual environment in .venv, with this checkout installed.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv

# What an installation depends on; when it changes, pip runs again.
_wanted() {
    echo "$root $1"
    cat "$root/setup.cfg" "$root/pyproject.toml"
}

# prepare [EXTRAS]: make the environment, or bring it up to date, with these extras.
prepare() {
    local extras=${1:-} stamp=$venv/installed
    if ! "$venv/bin/python" -c "" 2>/dev/null; then
        local python=${PYTHON:-python3}
        if ! "$python" -c "import sys; sys.exit(sys.version_info < (3, 11))"; then
            echo "$python is not Python 3.11 or later; name one in PYTHON" >&2
            exit 1
        fi
        "$python" -m venv --clear "$venv"
    fi
    # An environment with the dev extras serves those that need none.
    if _wanted "$extras" | cmp -s - "$stamp" || _wanted dev | cmp -s - "$stamp"; then
        return
    fi
    rm -f "$stamp"
    echo "installing into $venv" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --editable "$root${extras:+[$extras]}" >&2
    _wanted "$extras" >"$stamp"
}
