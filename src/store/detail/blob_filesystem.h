// rwblob://KEY reads a blob, rwstage://KEY writes one that is being staged.  Includes duckdb.hpp: only for duck.cpp.
#pragma once

#include <duckdb.hpp>
#include <duckdb/common/virtual_file_system.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/hash.h"
#include "store/detail/engine.h"

namespace ringwall::store {

inline constexpr std::string_view kBlobScheme = "rwblob://";
inline constexpr std::string_view kStageScheme = "rwstage://";

// Objects being written, by path.  Thread-safe.
class Stage {
 public:
  void add(const std::shared_ptr<StagedObject>& object) {
    const std::lock_guard lock(mutex_);
    objects_[object->path] = object;
  }
  std::shared_ptr<StagedObject> find(const std::string& path) {
    const std::lock_guard lock(mutex_);
    const auto at = objects_.find(path);
    auto object = at == objects_.end() ? nullptr : at->second.lock();
    if (object == nullptr && at != objects_.end()) objects_.erase(at);
    return object;
  }
  void drop_expired() {
    const std::lock_guard lock(mutex_);
    std::erase_if(objects_, [](const auto& entry) { return entry.second.expired(); });
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<StagedObject>> objects_;  // guarded by mutex_
};

class BlobHandle final : public duckdb::FileHandle {
 public:
  BlobHandle(duckdb::FileSystem& system, const std::string& path, duckdb::FileOpenFlags flags,
             std::unique_ptr<blob::Reader> from, std::shared_ptr<StagedObject> to)
      : FileHandle(system, path, flags), reader(std::move(from)), staged(std::move(to)) {}
  void Close() override {}

  std::unique_ptr<blob::Reader> reader;  // one of the two
  std::shared_ptr<StagedObject> staged;
  duckdb::idx_t position = 0;
};

// Blobs never change, so size and version of a handle are constant and DuckDB may cache what it read by name.
class BlobFileSystem final : public duckdb::FileSystem {
 public:
  BlobFileSystem(blob::Blob& blob, std::shared_ptr<Stage> stage) : blob_(blob), stage_(std::move(stage)) {}

  duckdb::unique_ptr<duckdb::FileHandle> OpenFile(const duckdb::string& path, duckdb::FileOpenFlags flags,
                                                  duckdb::optional_ptr<duckdb::FileOpener>) override {
    if (path.rfind(kStageScheme, 0) == 0) {
      auto staged = stage_ == nullptr ? nullptr : stage_->find(path);
      if (staged == nullptr) throw duckdb::IOException(path + " is not being written");
      return duckdb::make_uniq<BlobHandle>(*this, path, flags, nullptr, std::move(staged));
    }
    if (flags.OpenForWriting()) throw duckdb::IOException(path + ": blobs are not changed by statements");
    auto reader = blob_.open(path.substr(kBlobScheme.size()));
    if (!reader.ok()) {
      if (flags.ReturnNullIfNotExists()) return nullptr;
      throw duckdb::IOException(reader.error().message);
    }
    return duckdb::make_uniq<BlobHandle>(*this, path, flags, std::move(reader).value(), nullptr);
  }

  void Read(duckdb::FileHandle& handle, void* out, int64_t bytes, duckdb::idx_t offset) override {
    auto read = reader_of(handle).read(offset, static_cast<char*>(out), static_cast<std::size_t>(bytes));
    if (!read.ok()) throw duckdb::IOException(read.error().message);
  }
  int64_t Read(duckdb::FileHandle& handle, void* out, int64_t bytes) override {
    auto& own = static_cast<BlobHandle&>(handle);
    const auto left = reader_of(handle).size() - own.position;
    const auto wanted = std::min<duckdb::idx_t>(left, static_cast<duckdb::idx_t>(bytes));
    Read(handle, out, static_cast<int64_t>(wanted), own.position);
    own.position += wanted;
    return static_cast<int64_t>(wanted);
  }

  int64_t Write(duckdb::FileHandle& handle, void* data, int64_t bytes) override {
    auto& own = static_cast<BlobHandle&>(handle);
    if (own.staged == nullptr) throw duckdb::IOException(handle.path + " is open for reading");
    const std::string_view text(static_cast<const char*>(data), static_cast<std::size_t>(bytes));
    auto written = own.staged->writer->append(text);
    if (!written.ok()) throw duckdb::IOException(written.error().message);
    own.staged->crc = base::crc32c(text, own.staged->crc);
    own.staged->bytes += text.size();
    own.position += text.size();
    return bytes;
  }
  void Write(duckdb::FileHandle& handle, void* data, int64_t bytes, duckdb::idx_t offset) override {
    if (offset != static_cast<BlobHandle&>(handle).position) throw duckdb::IOException("blobs are written in order");
    Write(handle, data, bytes);
  }

  int64_t GetFileSize(duckdb::FileHandle& handle) override {
    auto& own = static_cast<BlobHandle&>(handle);
    return static_cast<int64_t>(own.reader != nullptr ? own.reader->size() : own.staged->bytes);
  }
  duckdb::timestamp_t GetLastModifiedTime(duckdb::FileHandle&) override { return duckdb::timestamp_t(0); }
  duckdb::string GetVersionTag(duckdb::FileHandle&) override { return "immutable"; }
  duckdb::FileType GetFileType(duckdb::FileHandle&) override { return duckdb::FileType::FILE_TYPE_REGULAR; }
  void Seek(duckdb::FileHandle& handle, duckdb::idx_t to) override { static_cast<BlobHandle&>(handle).position = to; }
  duckdb::idx_t SeekPosition(duckdb::FileHandle& handle) override { return static_cast<BlobHandle&>(handle).position; }
  bool CanSeek() override { return true; }
  bool OnDiskFile(duckdb::FileHandle&) override { return true; }
  void FileSync(duckdb::FileHandle&) override {}  // the store commits what it staged
  bool DirectoryExists(const duckdb::string&, duckdb::optional_ptr<duckdb::FileOpener>) override { return false; }
  bool FileExists(const duckdb::string& path, duckdb::optional_ptr<duckdb::FileOpener>) override {
    return path.rfind(kBlobScheme, 0) == 0 && blob_.open(path.substr(kBlobScheme.size())).ok();
  }
  bool TryRemoveFile(const duckdb::string&, duckdb::optional_ptr<duckdb::FileOpener>) override { return false; }
  bool CanHandleFile(const duckdb::string& path) override {
    return path.rfind(kBlobScheme, 0) == 0 || path.rfind(kStageScheme, 0) == 0;
  }
  // Names are exact: no '*' in a key, and no listing from SQL.
  duckdb::vector<duckdb::OpenFileInfo> Glob(const duckdb::string& path, duckdb::FileOpener*) override {
    return {duckdb::OpenFileInfo(path)};
  }
  std::string GetName() const override { return "RingwallBlob"; }

 private:
  static blob::Reader& reader_of(duckdb::FileHandle& handle) {
    auto& own = static_cast<BlobHandle&>(handle);
    if (own.reader == nullptr) throw duckdb::IOException(handle.path + " is open for writing");
    return *own.reader;
  }

  blob::Blob& blob_;
  const std::shared_ptr<Stage> stage_;
};

}  // namespace ringwall::store
