#include "collect/host_metrics.h"

#include <unistd.h>

#include <charconv>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"

namespace ringwall::collect {

namespace {

using base::MetricKind;
using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

constexpr double kSectorBytes = 512;  // /proc/diskstats counts sectors of 512 bytes whatever the disk's are

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = line.find_first_not_of(" \t:");
    if (begin == std::string_view::npos) return words;
    const auto end = std::min(line.find_first_of(" \t:", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    line.remove_prefix(end);
  }
}

double number_of(const std::vector<std::string_view>& words, std::size_t index) {
  double value = 0;
  if (index < words.size()) std::from_chars(words[index].data(), words[index].data() + words[index].size(), value);
  return value;
}

class HostReader {
 public:
  HostReader(base::Files& files, const std::string& proc, const HostTags& tags, std::int64_t now_ns) : files_(files), proc_(proc), now_ns_(now_ns), builder_(base::Signal::kMetric) {
    builder_.resource("host", tags.env, "", tags.host, tags.region, "host");
  }

  base::Batch read() {
    lines("stat", [this](const auto& words) { cpu(words); });
    lines("loadavg", [this](const auto& words) { add("system.cpu.load_average.1m", MetricKind::kGauge, "{thread}", number_of(words, 0), {}); });
    lines("meminfo", [this](const auto& words) { memory(words); });
    lines("diskstats", [this](const auto& words) { disk(words); });
    lines("net/dev", [this](const auto& words) { network(words); });
    for (const char* resource : {"cpu", "memory", "io"}) {
      lines(std::string("pressure/") + resource, [this, resource](const auto& words) { pressure(resource, words); });
    }
    return builder_.take();
  }

 private:
  template <class F>
  void lines(const std::string& name, F f) {
    const auto text = files_.read(proc_ + "/" + name);
    if (!text.ok()) return;  // not every kernel has every file
    std::string_view rest = *text;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\n'), rest.size());
      if (const auto words = words_of(rest.substr(0, end)); !words.empty()) f(words);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

  void add(std::string_view name, MetricKind kind, std::string_view unit, double value, Labels labels) {
    builder_.record(now_ns_, name);
    auto& b = builder_.batch();
    b.metric_kind.back() = static_cast<std::uint8_t>(kind);
    b.unit.back() = builder_.put(unit);
    b.value.back() = value;
    for (const auto& [key, text] : labels) builder_.attribute(key, text);
  }

  void cpu(const std::vector<std::string_view>& words) {
    if (words[0] != "cpu") return;
    static const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    static constexpr std::string_view kModes[] = {"user", "nice", "system", "idle", "iowait", "interrupt", "softirq", "steal"};
    for (std::size_t i = 0; i < std::size(kModes) && i + 1 < words.size(); ++i) {
      add("system.cpu.time", MetricKind::kCounter, "s", number_of(words, i + 1) / ticks, {{"cpu.mode", kModes[i]}});
    }
  }

  void memory(const std::vector<std::string_view>& words) {
    static constexpr std::pair<std::string_view, std::string_view> kStates[] = {
        {"MemTotal", "total"}, {"MemFree", "free"}, {"MemAvailable", "available"}, {"Buffers", "buffers"}, {"Cached", "cached"}};
    for (const auto& [key, state] : kStates) {
      if (words[0] == key) add("system.memory.usage", MetricKind::kGauge, "By", number_of(words, 1) * 1024, {{"system.memory.state", state}});
    }
  }

  void disk(const std::vector<std::string_view>& words) {
    if (words.size() < 14) return;
    const auto name = words[2];
    // Whole disks only; loop and ram devices say nothing about the machine.
    if (name.starts_with("loop") || name.starts_with("ram") || (name.find_first_of("0123456789") != std::string_view::npos && !name.starts_with("nvme") && !name.starts_with("md") && !name.starts_with("dm-"))) return;
    add("system.disk.io", MetricKind::kCounter, "By", number_of(words, 5) * kSectorBytes, {{"system.device", name}, {"disk.io.direction", "read"}});
    add("system.disk.io", MetricKind::kCounter, "By", number_of(words, 9) * kSectorBytes, {{"system.device", name}, {"disk.io.direction", "write"}});
    add("system.disk.operations", MetricKind::kCounter, "{operation}", number_of(words, 3), {{"system.device", name}, {"disk.io.direction", "read"}});
    add("system.disk.operations", MetricKind::kCounter, "{operation}", number_of(words, 7), {{"system.device", name}, {"disk.io.direction", "write"}});
    add("system.disk.io_time", MetricKind::kCounter, "s", number_of(words, 12) / 1000, {{"system.device", name}});
  }

  void network(const std::vector<std::string_view>& words) {
    if (words.size() < 17) return;
    add("system.network.io", MetricKind::kCounter, "By", number_of(words, 1), {{"network.interface.name", words[0]}, {"network.io.direction", "receive"}});
    add("system.network.io", MetricKind::kCounter, "By", number_of(words, 9), {{"network.interface.name", words[0]}, {"network.io.direction", "transmit"}});
    add("system.network.errors", MetricKind::kCounter, "{error}", number_of(words, 3) + number_of(words, 11), {{"network.interface.name", words[0]}});
  }

  // some avg10=0.00 avg60=0.00 avg300=0.00 total=123456   (microseconds)
  void pressure(std::string_view resource, const std::vector<std::string_view>& words) {
    constexpr std::string_view kTotal = "total=";
    if (words.size() < 5 || !words[4].starts_with(kTotal)) return;
    double total = 0;
    std::from_chars(words[4].data() + kTotal.size(), words[4].data() + words[4].size(), total);
    add("system.pressure.stalled", MetricKind::kCounter, "s", total / 1e6, {{"resource", resource}, {"kind", words[0]}});
  }

  base::Files& files_;
  const std::string& proc_;
  std::int64_t now_ns_;
  base::BatchBuilder builder_;
};

}  // namespace

base::Batch read_host_metrics(base::Files& files, const std::string& proc, const HostTags& tags, std::int64_t now_ns) {
  return HostReader(files, proc, tags, now_ns).read();
}

}  // namespace ringwall::collect
