#include "blob/blob.h"

#include <fmt/format.h>

#include <fstream>

namespace ringwall::blob {

namespace {
constexpr std::size_t kCopyBytes = 1u << 20;

bool key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '=' ||
         c == '-';
}
}  // namespace

Result<void> check_key(std::string_view key) {
  if (key.empty() || key.size() > kKeyBytesMax) {
    return fail(Errc::kInvalid, fmt::format("a blob key has 1 to {} bytes, not {}", kKeyBytesMax, key.size()));
  }
  bool part_begins = true;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const char c = key[i];
    const bool wrong = c == '/' ? part_begins : !key_char(c) || (part_begins && c == '.');
    if (wrong) return fail(Errc::kInvalid, fmt::format("blob key '{}': byte {} does not belong there", key, i));
    part_begins = c == '/';
  }
  if (part_begins) return fail(Errc::kInvalid, fmt::format("blob key '{}' ends with '/'", key));
  return {};
}

Result<void> Blob::put(const std::string& key, std::string_view bytes) {
  auto writer = RW_TRY(create(key));
  RW_TRY(writer->append(bytes));
  return writer->commit();
}

Result<void> Blob::put_file(const std::string& key, const std::string& local_path) {
  std::ifstream in(local_path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, fmt::format("cannot read {}", local_path));
  auto writer = RW_TRY(create(key));
  std::string piece(kCopyBytes, '\0');
  for (;;) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (in.gcount() == 0) break;
    RW_TRY(writer->append(std::string_view(piece.data(), static_cast<std::size_t>(in.gcount()))));
  }
  if (in.bad()) return fail(Errc::kUnavailable, fmt::format("cannot read {} to its end", local_path));
  return writer->commit();
}

Result<std::uint64_t> Blob::size(const std::string& key) {
  const auto reader = RW_TRY(open(key));
  return reader->size();
}

Result<std::string> Blob::read_range(const std::string& key, std::uint64_t offset, std::uint64_t bytes) {
  const auto reader = RW_TRY(open(key));
  if (offset > reader->size() || bytes > reader->size() - offset) {
    return fail(Errc::kCorrupt, fmt::format("{} has {} bytes; {} from {} were asked for", key, reader->size(), bytes, offset));
  }
  std::string out(bytes, '\0');
  RW_TRY(reader->read(offset, out.data(), out.size()));
  return out;
}

Result<std::string> Blob::read(const std::string& key) {
  const auto reader = RW_TRY(open(key));
  std::string out(reader->size(), '\0');
  RW_TRY(reader->read(0, out.data(), out.size()));
  return out;
}

}  // namespace ringwall::blob
