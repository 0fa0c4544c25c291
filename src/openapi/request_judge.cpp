#include "openapi/detail/request_judge.h"

#include <algorithm>

#include "base/text.h"

namespace ringwall::openapi::detail {

namespace {

constexpr int kBadRequest = 400, kNotFound = 404, kMethodNotAllowed = 405, kUnsupportedMedia = 415;

bool same_name(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) { return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y; });
}

// A parent folder, or this one, between anything that some reader takes for a separator.
bool has_dots(std::string_view segment) {
  for (std::size_t begin = 0; begin <= segment.size();) {
    const auto end = std::min(segment.find_first_of("/\\", begin), segment.size());
    auto part = segment.substr(begin, end - begin);
    part = part.substr(0, part.find(';'));  // "..;x" is ".." to some
    if (part == "." || part == "..") return true;
    begin = end + 1;
  }
  return false;
}

void decode_segments(std::string_view path, std::vector<std::string>& out) {
  for (std::size_t begin = 1; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    out.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  while (!out.empty() && out.back().empty()) out.pop_back();
}

}  // namespace

RequestJudge::RequestJudge(const Program& program, const Request& request, const Options& options, ScratchMemory& scratch)
    : program_(program), request_(request), options_(options), scratch_(scratch),
      schemas_(program.schemas, out_.findings, kStepsMax + kStepsPerByteMax * (request.body.size() + request.target.size())) {
  scratch_.tape.clear();
  for (auto* list : {&scratch_.query, &scratch_.cookies, &scratch_.form}) list->clear();
  scratch_.segments.clear();
}

void RequestJudge::refuse(int status, std::string_view place, std::string reason) {
  if (out_.status == 0) out_.status = status;
  schemas_.tell({nullptr, place, kNone}, std::move(reason));
}

Judgement RequestJudge::run() {
  if (!split_target() || !find_operation()) return std::move(out_);
  if (matched_.operation == kNone) return std::move(out_);
  const auto& operation = program_.operations[matched_.operation];
  out_.operation = operation.method + " " + operation.path;
  parameters(operation);
  body(operation);
  if (!schemas_.could_judge()) {
    out_.findings.clear();
    out_.findings.push_back({"request", "cannot be judged: a value " + std::string(schemas_.why_not())});
  }
  if (!out_.findings.empty() && out_.status == 0) out_.status = kBadRequest;
  return std::move(out_);
}

bool RequestJudge::split_target() {
  auto target = request_.target;
  if (!target.starts_with('/')) {
    // http://host/path, and OPTIONS *
    const auto scheme = target.find("://");
    const auto begin = scheme == target.npos ? target.npos : target.find_first_of("/?", scheme + 3);
    target = scheme == target.npos ? target : begin == target.npos ? "/" : target.substr(begin);
  }
  const auto question = std::min(target.find('?'), target.size());
  path_ = target.substr(0, question);
  query_ = target.substr(std::min(question + 1, target.size()));
  if (target.find('#') != target.npos) return refuse(kBadRequest, "path", "has a fragment, which no client sends"), false;
  if (!path_.starts_with('/')) return refuse(kNotFound, "path", "is no path"), false;
  for (std::size_t begin = 1; begin <= path_.size();) {
    const auto end = std::min(path_.find('/', begin), path_.size());
    auto& segment = scratch_.segments.emplace_back();
    if (!decode_percent(path_.substr(begin, end - begin), false, scratch_.tape.texts, segment)) {
      return refuse(kBadRequest, "path", "is not UTF-8, or has a % without two hexadecimal digits"), false;
    }
    if (std::any_of(segment.begin(), segment.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
      return refuse(kBadRequest, "path", "has a control character"), false;
    }
    // Where it leads depends on who follows it.
    if (has_dots(segment)) return refuse(kBadRequest, "path", "leads through '.' or '..'"), false;
    begin = end + 1;
  }
  return true;
}

bool RequestJudge::literal_base() {
  decode_segments(options_.base_path, own_base_);
  if (own_base_.size() > scratch_.segments.size() || !std::equal(own_base_.begin(), own_base_.end(), scratch_.segments.begin())) return false;
  return match(own_base_.size(), 0, kNone);
}

bool RequestJudge::find_operation() {
  if (!options_.base_path.empty()) {
    literal_base();
  } else {
    for (std::uint32_t base = 0; base < program_.bases.size() && matched_.operation == kNone; ++base) {
      const auto& segments = program_.bases[base];
      if (segments.size() > scratch_.segments.size() || !std::equal(segments.begin(), segments.end(), scratch_.segments.begin())) continue;
      match(segments.size(), 0, base);
    }
  }
  if (matched_.operation != kNone) return true;
  if (!matched_.path_known) {
    if (options_.refuse_unknown_paths) refuse(kNotFound, "path", "is not described");
    return false;
  }
  if (!preflight()) refuse(kMethodNotAllowed, "method", "is not described for this path");
  return false;
}

// What a browser asks before a request to another origin; documents do not describe it.
bool RequestJudge::preflight() const {
  return request_.method == "OPTIONS" && request_.body.empty() && request_.body_known && !header("origin").empty() && !header("access-control-request-method").empty();
}

// Literal segments before templates; a path without this method is passed over.
bool RequestJudge::match(std::size_t segment, std::uint32_t number, std::uint32_t base) {
  const auto& node = program_.nodes[number];
  const auto& segments = scratch_.segments;
  if (segment == segments.size()) return take_operation(number, base);
  if (const auto literal = node.literals.find(segments[segment]); literal != node.literals.end() && match(segment + 1, literal->second, base)) return true;
  for (const auto& [pieces, next] : node.templated) {
    const auto before = matched_.values.size();
    if (match_pieces(pieces, segments[segment]) && match(segment + 1, next, base)) return true;
    matched_.values.resize(before);
  }
  return false;
}

// A parameter takes at least one character, and ends where the literal text behind it first begins; the last of a segment where it
// begins last, so that of a.b.png the extension is png.
bool RequestJudge::match_pieces(const std::vector<Piece>& pieces, std::string_view segment) {
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (!pieces[i].parameter) {
      if (!segment.starts_with(pieces[i].text)) return false;
      segment.remove_prefix(pieces[i].text.size());
      continue;
    }
    auto end = segment.size();
    if (i + 1 < pieces.size()) {
      const auto& literal = pieces[i + 1].text;
      if (i + 2 == pieces.size()) end = segment.ends_with(literal) ? segment.size() - literal.size() : segment.npos;
      else end = i + 3 == pieces.size() ? segment.rfind(literal, segment.size() - std::min(segment.size(), literal.size() + 1)) : segment.find(literal, 1);
    }
    if (end == segment.npos || end == 0) return false;
    matched_.values.emplace_back(pieces[i].text, segment.substr(0, end));
    segment.remove_prefix(end);
  }
  return segment.empty();
}

bool RequestJudge::take_operation(std::uint32_t node, std::uint32_t base) {
  for (const auto path : program_.nodes[node].paths) {
    std::uint32_t get = kNone;
    for (const auto number : program_.paths[path].operations) {
      const auto& operation = program_.operations[number];
      if (base != kNone && std::find(operation.bases.begin(), operation.bases.end(), base) == operation.bases.end()) continue;
      matched_.path_known = true;
      if (operation.method == request_.method) return matched_.operation = number, true;
      if (operation.method == "GET") get = number;
    }
    // Who answers GET answers HEAD.
    if (request_.method == "HEAD" && get != kNone) return matched_.operation = get, true;
  }
  return false;
}

std::string_view RequestJudge::header(std::string_view lower_name, int* count) const {
  std::string_view found;
  int seen = 0;
  for (const auto& [name, value] : request_.headers) {
    if (!same_name(name, lower_name)) continue;
    if (seen++ == 0) found = value;
  }
  if (count != nullptr) *count = seen;
  return found;
}

void RequestJudge::parameters(const CompiledOperation& operation) {
  if (const auto fault = read_fields(query_, scratch_.tape.texts, scratch_.query); !fault.empty()) return refuse(kBadRequest, "query", std::string(fault));
  const bool wants_cookies = std::any_of(operation.parameters.begin(), operation.parameters.end(), [](const auto& one) { return one.in == In::kCookie; });
  for (const auto& [name, value] : request_.headers) {
    if (!wants_cookies || !same_name(name, "cookie")) continue;
    if (const auto fault = read_cookies(value, scratch_.tape.texts, scratch_.cookies); !fault.empty()) return refuse(kBadRequest, "cookie", std::string(fault));
  }
  for (const auto& one : operation.parameters) {
    switch (one.in) {
      case In::kQuery: parameter(one, scratch_.query); break;
      case In::kCookie: parameter(one, scratch_.cookies); break;
      case In::kPath: {
        const auto named = "path " + one.name;
        for (const auto& [name, text_of] : matched_.values) {
          if (name == one.name) text(one.shape, text_of, {nullptr, named, kNone});
        }
        break;
      }
      case In::kHeader: {
        const auto named = "header " + one.name;
        int count = 0;
        const auto found = header(one.name, &count);
        if (count == 0 && one.required) refuse(kBadRequest, named, "is missing");
        if (count > 1) refuse(kBadRequest, named, "is given twice");
        if (count == 0) break;
        if (!base::valid_utf8(found)) refuse(kBadRequest, named, "is not UTF-8");
        else text(one.shape, trimmed(found), {nullptr, named, kNone});
        break;
      }
    }
  }
  unknown_parameters(operation);
}

void RequestJudge::parameter(const Parameter& one, std::vector<FieldText>& fields) {
  const auto named = (one.in == In::kQuery ? "query " : "cookie ") + one.name;
  const Place place{nullptr, named, kNone};
  if (one.shape.style == Style::kDeepObject) return deep_object(one, fields, place);
  const auto taken = program_.schemas.list[one.shape.schema].taken;
  const bool exploded = one.shape.style == Style::kForm && one.shape.explode && !one.shape.json;
  if (exploded && (taken & kIsObject) != 0 && (!one.members.empty() || one.any_member) && one.shape.schema != kAnything) return exploded_object(one, fields, place);
  std::vector<FieldText*> found;
  for (auto& field : fields) {
    if (field.name == one.name) {
      field.used = true;
      found.push_back(&field);
    }
  }
  if (found.empty()) {
    if (one.required) refuse(kBadRequest, named, "is missing");
    return;
  }
  if (one.empty_ok && found.size() == 1 && found[0]->value.empty()) return;
  if (exploded && (taken & kIsArray) != 0 && one.shape.schema != kAnything) {
    // A single text may be what is taken besides lists.
    if (found.size() > 1 || (taken & kIsString) == 0) return list(one.shape, found, place);
  }
  if (found.size() > 1) return refuse(kBadRequest, named, "is given twice");
  text(one.shape, found[0]->value, place);
}

void RequestJudge::list(const Shape& shape, const std::vector<FieldText*>& fields, const Place& place) {
  const auto at = open(scratch_.tape, Kind::kArray);
  for (const auto* field : fields) add_text(scratch_.tape, field->value);
  close(scratch_.tape, at, fields.size());
  value(at, shape.schema, place);
}

void RequestJudge::exploded_object(const Parameter& one, std::vector<FieldText>& fields, const Place& place) {
  const auto at = open(scratch_.tape, Kind::kObject);
  std::vector<std::string_view> names;
  for (auto& field : fields) {
    const bool member = std::find(one.members.begin(), one.members.end(), field.name) != one.members.end();
    if (!member && (!one.any_member || field.used)) continue;
    field.used = true;
    if (std::find(names.begin(), names.end(), field.name) != names.end()) return schemas_.tell({&place, field.name, kNone}, "is given twice");
    names.push_back(field.name);
    add_text(scratch_.tape, field.name, Kind::kString);
    add_text(scratch_.tape, field.value);
  }
  if (names.empty() && !one.required) return;
  close(scratch_.tape, at, names.size());
  value(at, one.shape.schema, place);
}

// filter[status]=sold&filter[tag]=x
void RequestJudge::deep_object(const Parameter& one, std::vector<FieldText>& fields, const Place& place) {
  const auto at = open(scratch_.tape, Kind::kObject);
  std::vector<std::string_view> names;
  for (auto& field : fields) {
    if (!field.name.starts_with(one.name)) continue;
    auto rest = field.name.substr(one.name.size());
    if (!rest.starts_with('[')) continue;
    field.used = true;
    const auto end = rest.find(']');
    if (end != rest.size() - 1 || end < 2 || rest.find('[', 1) != rest.npos) return schemas_.tell(place, "has members deeper than one level, or without a name");
    const auto name = rest.substr(1, end - 1);
    if (std::find(names.begin(), names.end(), name) != names.end()) return schemas_.tell({&place, name, kNone}, "is given twice");
    names.push_back(name);
    add_text(scratch_.tape, name, Kind::kString);
    add_text(scratch_.tape, field.value);
  }
  if (names.empty()) {
    if (one.required) schemas_.tell(place, "is missing");
    return;
  }
  close(scratch_.tape, at, names.size());
  value(at, one.shape.schema, place);
}

void RequestJudge::unknown_parameters(const CompiledOperation& operation) {
  if (!options_.refuse_unknown_parameters || operation.any_query) return;
  const Place query{nullptr, "query", kNone};
  for (const auto& field : scratch_.query) {
    const bool key = std::find(program_.key_parameters.begin(), program_.key_parameters.end(), field.name) != program_.key_parameters.end();
    if (!field.used && !key) schemas_.tell({&query, field.name, kNone}, "is not described");
  }
}

void RequestJudge::value(std::uint32_t at, std::uint32_t schema, const Place& place) { schemas_.fits(&scratch_.tape.values[at], schema, place, true); }

void RequestJudge::json(std::string_view text, std::uint32_t schema, const Place& place) {
  const auto at = scratch_.tape.size();
  const auto fault = read_json(text, scratch_.tape);
  if (!fault.what.empty()) return schemas_.tell(place, std::string(fault.what));
  value(at, schema, place);
}

void RequestJudge::text(const Shape& shape, std::string_view text, const Place& place) {
  if (shape.json) return json(text, shape.schema, place);
  if (shape.schema == kAnything) return;
  auto& tape = scratch_.tape;
  const auto taken = program_.schemas.list[shape.schema].taken;
  std::uint32_t candidates[3];
  std::size_t count = 0;
  if ((taken & kIsArray) != 0) candidates[count++] = add_list(tape, shape, text);
  if ((taken & kIsObject) != 0) candidates[count++] = add_object(tape, shape, text);
  if ((taken & ~(kIsArray | kIsObject)) != 0 || count == 0) candidates[count++] = add_text(tape, text);
  for (std::size_t i = 0; i < count; ++i) {
    if (candidates[i] != kFault && schemas_.fits(&tape.values[candidates[i]], shape.schema, place, false)) return;
  }
  // Said of what it is most likely meant to be: the text itself, where texts are taken at all.
  const auto said = candidates[count - 1];
  if (said == kFault) return schemas_.tell(place, "does not come in pairs of name and value");
  value(said, shape.schema, place);
}

void RequestJudge::body(const CompiledOperation& operation) {
  const Place place{nullptr, "body", kNone};
  if (!request_.body_known) return refuse(kBadRequest, "body", "cannot be judged: it is larger than what is looked at");
  if (request_.body.empty()) {
    if (operation.has_body && operation.body.required) refuse(kBadRequest, "body", "is missing");
    return;
  }
  if (!operation.has_body) return refuse(kBadRequest, "body", "is there, and none is described");
  const auto encoding = header("content-encoding");
  if (!encoding.empty() && base::lower_ascii(encoding) != "identity") return refuse(kUnsupportedMedia, "body", "is compressed and cannot be judged");
  int count = 0;
  const auto content_type = header("content-type", &count);
  if (count > 1) return refuse(kUnsupportedMedia, "content type", "is given twice");
  const auto essence = base::lower_ascii(trimmed(content_type.substr(0, content_type.find(';'))));
  const auto* media = media_of(operation.body, essence);
  if (media == nullptr) return refuse(kUnsupportedMedia, "content type", essence.empty() ? "is missing" : "is not described for this operation");
  const auto reading = reading_of(essence);
  if (reading != Reading::kBytes) {
    const auto charset = base::lower_ascii(header_parameter(content_type, "charset"));
    if (!charset.empty() && charset != "utf-8" && charset != "utf8" && charset != "us-ascii") return refuse(kUnsupportedMedia, "content type", "has a charset that cannot be judged");
  }
  std::string_view fault;
  switch (reading) {
    case Reading::kJson: return json(request_.body, media->schema, place);
    case Reading::kText:
      if (!base::valid_utf8(request_.body)) return schemas_.tell(place, "is not UTF-8");
      return value(add_text(scratch_.tape, request_.body), media->schema, place);
    case Reading::kForm: fault = read_fields(request_.body, scratch_.tape.texts, scratch_.form); break;
    case Reading::kMultipart: fault = read_multipart(content_type, request_.body, scratch_.form); break;
    case Reading::kBytes:
      if (const auto max = program_.schemas.list[media->schema].length_max; request_.body.size() > max) schemas_.tell(place, "is longer than " + std::to_string(max) + " bytes");
      return;
  }
  if (!fault.empty()) return schemas_.tell(place, std::string(fault));
  fields(*media, place);
}

const Media* RequestJudge::media_of(const Body& body, std::string_view content_type) const {
  const Media* best = nullptr;
  std::size_t best_score = 0;
  if (content_type.find('/') == content_type.npos) return nullptr;
  for (const auto& one : body.media) {
    std::size_t score = 0;
    if (one.range == content_type) score = 3;
    else if (one.range == "*/*") score = 1;
    else if (one.range.ends_with("/*") && content_type.starts_with(std::string_view(one.range).substr(0, one.range.size() - 1))) score = 2;
    if (score > best_score) best_score = score, best = &one;
  }
  return best;
}

// The fields of one name become a member, a list of several where a list is taken.
void RequestJudge::fields(const Media& media, const Place& place) {
  auto& form = scratch_.form;
  std::stable_sort(form.begin(), form.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto object = open(scratch_.tape, Kind::kObject);
  std::size_t members = 0;
  for (std::size_t begin = 0, end = 0; begin < form.size(); begin = end, ++members) {
    for (end = begin + 1; end < form.size() && form[end].name == form[begin].name;) ++end;
    const auto name = form[begin].name;
    const Place here{&place, name, kNone};
    const auto known = std::find_if(media.fields.begin(), media.fields.end(), [&](const Field& one) { return one.name == name; });
    const Field* field = known == media.fields.end() ? nullptr : &*known;
    add_text(scratch_.tape, name, Kind::kString);
    const auto taken = field == nullptr ? kIsAny : program_.schemas.list[field->shape.schema].taken;
    const bool lists = (taken & kIsArray) != 0 && field != nullptr && field->shape.schema != kAnything;
    const bool as_list = end - begin > 1 ? (taken & kIsArray) != 0 : lists && (taken & (kIsString | kIsObject)) == 0 && !(field->shape.json && form[begin].value.starts_with('['));
    if (end - begin > 1 && !as_list) return schemas_.tell(here, "is given twice");
    if (!as_list) {
      if (!part(field, form[begin], here)) return;
      continue;
    }
    const bool splits = field != nullptr && !field->shape.explode && end - begin == 1;
    if (splits) {
      add_list(scratch_.tape, field->shape, form[begin].value);
      continue;
    }
    const auto list = open(scratch_.tape, Kind::kArray);
    for (auto i = begin; i < end; ++i) {
      if (!part(field, form[i], here)) return;
    }
    close(scratch_.tape, list, end - begin);
  }
  close(scratch_.tape, object, members);
  value(object, media.schema, place);
}

// Appends the value of one field or part, or says what is wrong with it.
bool RequestJudge::part(const Field* field, const FieldText& text, const Place& place) {
  const auto essence = base::lower_ascii(trimmed(text.content_type.substr(0, text.content_type.find(';'))));
  if (field != nullptr && !field->content_types.empty() && (text.file || !essence.empty())) {
    const bool described = std::any_of(field->content_types.begin(), field->content_types.end(), [&](const std::string& range) {
      return range == "*/*" || range == essence || (range.ends_with("/*") && essence.starts_with(std::string_view(range).substr(0, range.size() - 1)));
    });
    if (!described) return schemas_.tell(place, "has a content type that is not described"), false;
  }
  const bool file = field != nullptr && field->file;
  if (text.file && field != nullptr && !file) return schemas_.tell(place, "is a file, and none is described"), false;
  if (file && text.value.size() > field->bytes_max) return schemas_.tell(place, "is longer than " + std::to_string(field->bytes_max) + " bytes"), false;
  if ((field != nullptr && field->shape.json) || (!file && reading_of(essence) == Reading::kJson)) {
    const auto fault = read_json(text.value, scratch_.tape);
    if (!fault.what.empty()) schemas_.tell(place, std::string(fault.what));
    return fault.what.empty();
  }
  if (!file && !text.file && !base::valid_utf8(text.value)) return schemas_.tell(place, "is not UTF-8"), false;
  add_text(scratch_.tape, text.value, file ? Kind::kString : Kind::kText);
  return true;
}

}  // namespace ringwall::openapi::detail
