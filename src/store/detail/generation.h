// Records on their way from memory into files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/record.h"
#include "store/detail/file_writer.h"
#include "store/detail/order.h"

namespace ringwall::store {

// Batches of one signal that are not in files yet.
struct YoungBatch {
  std::uint64_t sequence;
  std::string source;
  std::uint64_t position;
  base::Digest digest;
  std::shared_ptr<const base::Batch> batch;
  std::int64_t tmin_ns, tmax_ns;
};

struct Young {
  std::vector<YoungBatch> batches;
  std::size_t rows = 0, bytes = 0;
  std::int64_t since_ns = 0;  // monotonic, of the first batch
};

// Hands the rows of a flush to the writer in one piece.
class OneSlice final : public SliceSource {
 public:
  explicit OneSlice(RowSlice slice) : slice_(std::move(slice)) {}
  Result<RowSlice> next() override {
    RowSlice out;
    std::swap(out, slice_);
    return out;
  }

 private:
  RowSlice slice_;
};

// A generation on its way into files.  It keeps what was done already, so that a retry after a failure goes on there.
struct Frozen {
  Young young;
  std::vector<OrderedPart> parts;
  std::vector<WrittenFile> written;  // of parts[0 .. written.size())
};

}  // namespace ringwall::store
