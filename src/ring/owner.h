// Who a process is, in one word: the `owner` of a ring.  See ring_layout.h.
#pragma once

#include <cstdint>

#include "ring/ring_layout.h"

namespace ringwall::ring {

// The word of a living process, kNobody when there is none with this id (a zombie writes nothing, so it
// counts as gone) or /proc does not say.  No allocation, no exception.
std::uint64_t owner_of(int pid) noexcept;

// False only when we know: an owner we may not look at (hidepid) is taken for alive.
bool owner_lives(std::uint64_t owner) noexcept;

constexpr int owner_pid(std::uint64_t owner) { return static_cast<int>(owner & ((1u << kOwnerPidBits) - 1)); }

// 16 bytes that differ between two boots of a machine; all zero when the kernel does not tell.
void read_boot_id(std::uint8_t (&out)[16]) noexcept;

}  // namespace ringwall::ring
