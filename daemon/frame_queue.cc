#include "daemon/frame_queue.h"

#include "base/check.h"
#include "base/limits.h"

namespace pawl::daemon {

bool FrameQueue::push(const codecs::Frame& frame, bool express) {
  return express ? push_to(&express_, frame, limits::kLinkExpressBytesMax)
                 : push_to(&ordered_, frame, limits::kLinkQueuedBytesMax);
}

bool FrameQueue::push_to(Lane* lane, const codecs::Frame& frame, std::size_t bytes_max) {
  const std::size_t bytes = codecs::frame_bytes(frame.payload.size());
  if (bytes > bytes_max - lane->bytes) return false;
  std::deque<Batch>& batches = lane->batches;
  if (batches.empty() ||
      !codecs::append_frame(frame, limits::kLinkRecordBytes, &batches.back().bytes)) {
    // Alone, a frame may be as large as a record.
    batches.emplace_back();
    PAWL_CHECK(codecs::append_frame(frame, limits::kStreamRecordBytesMax, &batches.back().bytes));
  }
  ++batches.back().frames;
  lane->bytes += bytes;
  PAWL_CHECK(lane->bytes <= bytes_max);
  return true;
}

bool FrameQueue::pop(Batch* batch) {
  return pop_from(&express_, batch) || pop_from(&ordered_, batch);
}

bool FrameQueue::pop_from(Lane* lane, Batch* batch) {
  if (lane->batches.empty()) return false;
  *batch = std::move(lane->batches.front());
  lane->batches.pop_front();
  PAWL_CHECK(batch->bytes.size() <= lane->bytes);
  lane->bytes -= batch->bytes.size();
  return true;
}

std::uint64_t FrameQueue::clear() {
  std::uint64_t frames = 0;
  for (Batch batch; pop(&batch);) frames += batch.frames;
  PAWL_CHECK(bytes() == 0);
  return frames;
}

}  // namespace pawl::daemon
