// <assert.h> as the libraries' headers are to see it: a check that fails ends the process as a
// PAWL_CHECK does, in release too, and names its file, line and text. The C library's own names the
// function besides, spelled out with all its template arguments: of a container that is 2 KB a
// check, and was 300 KB of the binary.
#pragma once

#include "base/check.h"

#define assert(condition) \
  (static_cast<bool>(condition) ? void(0) : ::pawl::check_failed(__FILE__, __LINE__, #condition))
