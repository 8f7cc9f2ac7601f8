#include "daemon/free_memory.h"

#include <cstddef>

#include "base/limits.h"

// gperftools' interface in C; absent where another allocator is linked.
extern "C" {
[[gnu::weak]] int MallocExtension_GetNumericProperty(const char* property, std::size_t* value);
[[gnu::weak]] void MallocExtension_ReleaseToSystem(std::size_t bytes);
}

namespace pawl::daemon {
namespace {

// In whole pages, held and not used.
std::size_t free_bytes() {
  std::size_t bytes = 0;
  if (MallocExtension_GetNumericProperty == nullptr) return 0;
  MallocExtension_GetNumericProperty("tcmalloc.pageheap_free_bytes", &bytes);
  return bytes;
}

}  // namespace

void FreeMemory::turn(std::int64_t now_ns) {
  if (now_ns < due_ns_) return;
  due_ns_ = now_ns + limits::kFreeMemoryStepMs * 1'000'000;
  more_ = free_bytes() > limits::kFreeMemoryKept;
  if (more_) MallocExtension_ReleaseToSystem(limits::kFreeMemoryStep);
}

}  // namespace pawl::daemon
