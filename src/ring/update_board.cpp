#include "ring/update_board.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "ring/owner.h"

namespace ringwall::ring {

namespace {

constexpr std::chrono::milliseconds kBoardPoll{1};

Error board_error(const char* doing, const std::string& path) { return fail(Errc::kUnavailable, fmt::format("{} {}: {}", doing, path, std::strerror(errno))); }

// The header is written whole before the file gets its name.
Result<void> create_board(const std::string& path) {
  const auto temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return board_error("create", temporary);
  std::string bytes(kBoardBytes, '\0');
  BoardHeader header{};
  header.magic = kBoardMagic;
  header.version = kBoardVersion;
  header.generation = 1;
  std::memcpy(bytes.data(), &header, sizeof header);
  const auto n = ::write(fd, bytes.data(), bytes.size());
  ::close(fd);
  if (n == static_cast<ssize_t>(bytes.size()) && ::rename(temporary.c_str(), path.c_str()) == 0) return {};
  auto error = board_error("write", temporary);
  ::unlink(temporary.c_str());
  return error;
}

void* map_board(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return nullptr;
  struct stat info {};
  void* base = MAP_FAILED;
  if (::fstat(fd, &info) == 0 && info.st_size >= static_cast<off_t>(kBoardBytes)) base = ::mmap(nullptr, kBoardBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (base == MAP_FAILED) return nullptr;
  if (board_file_fault(base, kBoardBytes) == nullptr) return base;
  ::munmap(base, kBoardBytes);
  return nullptr;
}

}  // namespace

Result<UpdateBoard> UpdateBoard::open_or_create(const std::string& path) {
  UpdateBoard board;
  for (const bool again : {true, false}) {
    board.base_ = static_cast<char*>(map_board(path));
    if (board.base_ != nullptr) return board;
    if (again) RW_TRY(create_board(path));
  }
  return fail(Errc::kUnavailable, fmt::format("{} cannot be mapped", path));
}

UpdateBoard::UpdateBoard(UpdateBoard&& other) noexcept { *this = std::move(other); }
UpdateBoard& UpdateBoard::operator=(UpdateBoard&& other) noexcept {
  std::swap(base_, other.base_);
  return *this;
}
UpdateBoard::~UpdateBoard() {
  if (base_ != nullptr) ::munmap(base_, kBoardBytes);
}

std::uint32_t UpdateBoard::generation() const { return BoardWorker(base_).generation(); }

std::uint32_t UpdateBoard::publish() {
  auto& word = reinterpret_cast<BoardHeader*>(base_)->generation;
  const auto next = word.fetch_add(1, std::memory_order_acq_rel) + 1;
  BoardWorker(base_).nudge();
  return next;
}

BoardState UpdateBoard::state() const {
  BoardState out;
  out.generation = generation();
  auto* slots = reinterpret_cast<BoardSlot*>(base_ + sizeof(BoardHeader));
  for (std::uint32_t i = 0; i < kBoardSlots; ++i) {
    auto owner = slots[i].owner.load(std::memory_order_acquire);
    if (owner == kNobody) continue;
    if (!owner_lives(owner)) {
      slots[i].owner.compare_exchange_strong(owner, kNobody);
      continue;
    }
    if (slots[i].live.load(std::memory_order_acquire) == out.generation) {
      ++out.live;
    } else if (slots[i].failed.load(std::memory_order_acquire) == out.generation) {
      char fault[kBoardFaultBytes];
      std::memcpy(fault, slots[i].fault, sizeof fault);
      fault[sizeof fault - 1] = 0;
      out.faults.emplace_back(fault);
    } else {
      ++out.behind;
    }
  }
  return out;
}

BoardState UpdateBoard::wait(std::uint32_t generation, std::chrono::milliseconds limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    auto now = state();
    if (now.behind == 0 || now.generation != generation || std::chrono::steady_clock::now() >= deadline) return now;
    std::this_thread::sleep_for(kBoardPoll);
  }
}

}  // namespace ringwall::ring
