// One request against a program: its path, its parameters, its body.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "openapi/detail/judge.h"
#include "openapi/detail/program.h"
#include "openapi/detail/text_values.h"

namespace ringwall::openapi::detail {

struct ScratchMemory {
  Tape tape;
  std::vector<FieldText> query, cookies, form;
  std::vector<std::string_view> segments;
};

class RequestJudge {
 public:
  RequestJudge(const Program& program, const Request& request, const Options& options, ScratchMemory& scratch);
  Judgement run();

 private:
  // What a path matched: texts of its parameters, in its order.
  struct Matched {
    std::uint32_t operation = kNone;
    bool path_known = false;  // whatever the method
    std::vector<std::pair<std::string_view, std::string_view>> values;  // name, text
  };

  void refuse(int status, std::string_view place, std::string reason);
  bool split_target();
  bool find_operation();
  bool match(std::size_t segment, std::uint32_t node, std::uint32_t base);
  bool match_pieces(const std::vector<Piece>& pieces, std::string_view segment);
  bool take_operation(std::uint32_t node, std::uint32_t base);
  bool preflight() const;
  bool literal_base();

  void parameters(const CompiledOperation& operation);
  void parameter(const Parameter& one, std::vector<FieldText>& fields);
  void exploded_object(const Parameter& one, std::vector<FieldText>& fields, const Place& place);
  void deep_object(const Parameter& one, std::vector<FieldText>& fields, const Place& place);
  void unknown_parameters(const CompiledOperation& operation);
  // The text under a shape's schema: as a list, as an object, as it is, whichever fits.
  void text(const Shape& shape, std::string_view text, const Place& place);
  void list(const Shape& shape, const std::vector<FieldText*>& fields, const Place& place);
  void value(std::uint32_t at, std::uint32_t schema, const Place& place);
  void json(std::string_view text, std::uint32_t schema, const Place& place);

  void body(const CompiledOperation& operation);
  const Media* media_of(const Body& body, std::string_view content_type) const;
  void fields(const Media& media, const Place& place);
  bool part(const Field* field, const FieldText& text, const Place& place);

  std::string_view header(std::string_view lower_name, int* count = nullptr) const;

  const Program& program_;
  const Request& request_;
  const Options& options_;
  ScratchMemory& scratch_;
  Judgement out_;
  SchemaJudge schemas_;
  std::string_view path_, query_;
  Matched matched_;
  std::vector<std::string> own_base_;
};

}  // namespace ringwall::openapi::detail
