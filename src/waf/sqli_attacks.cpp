// Which fingerprints are attacks.
//
// Measured, not thought up: every sequence of up to five types was put to libinjection 3.9.2, and 8,367 of 10 million were
// attacks.  The patterns are a greedy cover of these that touches no other.  So there is little meaning in where one pattern
// ends and the next begins, but each can be read: "x U E;c ;c$" is a value, UNION, and a query or the end of one.
#include <algorithm>
#include <array>
#include <cstdint>

#include "waf/detail/sqli.h"

namespace ringwall::waf::sqli {

namespace {

// Patterns with '|' between them, of positions with ' ' between them, of the types each can have.
//   x  any value: 1 n s v       T  also t, as libinjection looks without regard for case       $  or nothing any more
constexpr std::string_view kPatterns =
    // What begins with a value, or goes on with one that was open.
    "x fkEUBTAo&, ( f (|x fkEUBTo&, ( x o|x fEUBTo&, ( 1sv o)|x fUo&, ( E xfk(|x fo& ( n o,|x k x|x k x) EB& 1svf(|"
    "x k x) U; E|x k x) ; ET|x k 1svU) E xfk(|x k 1sv) EBo& f(|x k 1sv) EB& xf(|x k () f (|x kEUBTAo&, f ( xf)|"
    "x kEUBTA& s o xf(|x kEUBT& 1s o svf(|x kEUBT& 1sv o sf(|x kEUB& 1sv c|x kEB& x U E|x kE& x ; T|x kE) U E fk|"
    "x kB 1sv c$|x kB& x U E(|x ko) U E nk|x k& x ; ETc|x E x T xf(|x E fU ( xf|x E U 1sv o,c|x E U( f (|x E o k n|"
    "x EUTAo& ( nsv o)|x EBT& 1ns o svf(|x U kEo ( E|x U E x fkUBo&(),;c$|x U E xf (,;c$|x U E xfk; c$|x U E 1sk( vfo|"
    "x U E 1vk nsfo(;c$|x U E 1vo nk|x U E nsk( 1fo|x U ETo n 1sf(|x U E; c$|x U E;c|x UB 1sv o, f(|x UBT& fE ( xf|"
    "x UBT&); E k (|x UBo s , f(|x UT&); E fk (|x UT&); E k( xf|x U& E x( o|x U&); E x oc|x U&; E x ko;c|x U; E k xfo(|"
    "x U; T n xf(|x B x kBo&, f(|x B x kB& xf(|x B x ; c$|x B x ;c|x B& x kB& 1svf(|x T xfE ( f|x T n x oc|x T n n o:c|"
    "x T n ET xf(|x T n ; nET|x T nvfE ( 1f|x T nfE ( 1svf|x T nE k n|x T nE( x o|x T E xk( n|x T T n nkET|x T& nE( f (|"
    "x A svT U E|x A svT o sf(|x A sT o xf(|x o s 1vkE& sfU(|x o s 1vkE&() U|x o s 1kEUBTA& svf(|x o s 1kE& nsvfU(|"
    "x o s k xfUB()|x o s UBT& 1svfE(|x o s UTA; T|x o s U) fkEo;c|x o s U; ETc$|x o s & xfkEU(|x o s ) fkEUBo&,;c|"
    "x o sfU ( E|x o s( E xfko(|x o k x c|x o ( E xfkEo(|x o& sk( v o|x o& sk( f (|x o& f ( xfE)|x o& k fo& (|x o& k o( xf|"
    "x o& ( x o&),|x o& ( xE o|x o&) k 1sv o|x & x U E(;c$|x & x ) Uo&c|x & xk fo& (|x & 1sv kEBT& n|x & 1svk & xf(|"
    "x & 1svk c|x & 1sv( E nk|x & 1v U;c$|x & sE 1v ;c$|x & vE s o;c$|x & k no k|x ) fkEBo&, ( f|x ) k x EUB&;|x ) k xU E|"
    "x ) k B xf(|x ) kEBo& f (|x ) kEBo&, ( xf|x ) kBo n kU&;c|x ) Uo& ( E|x ) U; E xfk(|x ) B x kUo&;c$|x ) B 1 nkUo&;c$|"
    "x ) Bo& sv U&;c$|x ) o x kUB&);c|x ) o v kUBo&);c$|x ) & x fUBo&);c$|x ) ; ET xfko(|x ; n : T|x ; E n kETo,;c|"
    "x ; ET x kTo,;c|x ; ET ( xfE|x ; T x fkTo(,;c|x ; T xfko (|x ; T x(; c|x ; T nk 1svfko(|x ; T nT( n|x ; T ; c$|x c|"
    "xkEUT& f ( f (|xE f ( ) xfkUo|xE fkE ( f (|xE k x U E(|xE k x B xf(|xEU fE ( f (|xET f ( ) fo|xE& f ( ) Uo|"
    "xU fE ( x o|xU E x o sf(|xU E 1ns o svf(|xU E s o xf(|x) U E x ko|x) U E fk (|x) U E k( xf|x) & ( E nk|1 n E&(, f (|"
    "1 n U E xfk(;c$|1 nsv U E k;c$|1 nk ) U E|1 nUBT&); E ( xf|1 nU&); E x oc|1 skBo& v ;c$|1 vkB& s ;c$|1 UT ET n n|"
    "1 & xE U E|1 & E k xfU(|1ns UBo sv , f(|1ns o nv s U|1ns o sv k xfUB()|1ns o sv kEBT& xf(|1ns o sv U 1svfkETo(;c$|"
    "1ns o sv UBT&(); E|1ns o sv UTA svfT(|1ns o sv &() EU|1ns o sv ) fkEUBo&,;c|1ns o v sE 1vfUo(|1ns o v Eo& sfkU(|"
    "1ns o v ; nETc$|1ns o& svk( f (|1s vkEUBo& s c|1sv f ( 1 no)|1sv fkEUTAo&, ( nsv o)|1sv kET& n E n|1sv kB x ;c$|"
    "1sv kB& x B& xf(|1sv k& x ; ETc$|1sv E k x UT;c|1sv E k fU (|1sv E k U( 1svfE|1sv Eo&) k 1sv o|1sv E& k o k|"
    "1sv E) k nU E|1sv U& E x ko;c$|1sv U) c|1sv T& n kET n|1sv o s 1kEBT&; n|1sv o& k o&( xf|1sv o() U ( E|1sv & xk c|"
    "1sv ) Bo& 1sv U&;c$|1sv ; T nkT( n|1svfEU ( E f (|1svfEU ( E k nf|1svfU ( E n k|1svkET& f ( x o)|1svU E x c|"
    "1svU E fk ( xf|1skE& v o sf (|1sE v s ; c$|1sE vk s o xf(|1sET v fo ( xf|1sE& v o s 1vfU(|1v Uc|1E n U ( E|"
    "1E s v ; c$|1E svk f ( xf)|1E sk v o sf(|1ET nf ( 1sv o|1ET nf ( sv o)|1ET nf ( f (|n 1s U E k;c$|n Bo& ( x o&|"
    "ns 1kBo& sv ;c|nsv fkEUBTo&, ( 1sv o)|nsv T; T n nkET|nsE 1 sv ; c$|nsE 1k v o sf(|nkET& 1 o ( xf|nkE& 1 o svf (|"
    "nE& 1 o s 1vfU(|nE& 1 o v sfUo(|nE& s o x U|s 1v U E k;c$|s kETo& n E n|s kBo& sv ;c$|s Bo x kB&, f(|"
    "s o x fkEUBTA&, (|s o x k 1svfUB()|s o x U 1svfkETo(;c$|s o x UBT&(); E|s o x UTA svfT(|s o x BT& xfE(|s o x & xfkEU(|"
    "s o x ) fkEUBo&,;c|s o x ; nETc$|s o 1 n EU&(,|s o 1nv skE&() U|s o 1s vE sfUo(|s o 1sv k xfUB()|s o 1sv E& xfkU(|"
    "s o 1v skE& vU|s o n 1E vUo(|s o n kEUBT&( 1svf|s o& 1sv U;c|sv kB& x ;c$|sv o& s U;c$|sE 1 nsv c|sE 1 v ;c$|"
    "sE 1vk f ( xf)|v ) Bo& x U&;c$|"
    // What begins with a function, a keyword or a query.
    "f ( x ) xfkEUBTAo&,;c$|f ( xkT) , f(|f ( fk ( )|f ( E xo k|f ( ) xfkEUBTAo&, (|f ( ) 1vE sfUo(|f ( ) 1kEo nsvfU(|"
    "f ( ) n 1fEUo&(),|f ( ) sE 1vfUo(|f ( ) k xfU()|f ( ) kEBTo&, xf(|f ( ) EUo& 1svfk(|f ( ) U 1svfkETo(;c$|"
    "f ( ) UTA svfT(|f ( ) Uc|f ( ) BT&; nE|f ( ) T; nET|fk ( x ) kAo,|fkET& ( x o sf(|fkET& ( 1ns o svf(|fkET& ( s o xf(|"
    "fkET& ( f ( xf)|fE ( x & xf(|fE ( x ) xfkUBo&,;c|fE ( fE ( xfE|fE ( E x o&)|fEU ( E x o)|fEU ( E k( xf|fET ( x ) fo|"
    "fE& ( x ) Uo|fU ( E k xfo(|k x k 1sv Uo|k x kA sv o|k x kA, f (|k x kA, ( nsvf|k 1s o v sfkAo(,|k 1sv kAo, f (|"
    "k 1sv o s 1vfkA(,|k s o x fkA(,|k f ( ) kAo,|kE x k n U|kE x k, ( xf|kET& 1sv o s( f|kET& 1sv o ( xf|kET& s o x( f|"
    "kE& s o 1 nsvf(|kE& s o ns 1f(|E x fkBo&, ( xf|E x k x k)|E x kUo&; ( E|E x kBo&, f (|E x kB& 1sv o)|E x B& x o)|"
    "E x o s 1vfkUB&(),;|E x ) ko& n|E x ) U; E|E x ) o& xf(|E x ) ; ET(c$|E x ) ;c$|E xk fo ( xf|E xE k ( f|E xo k n k|"
    "E xo k ( E|E 1ns o sv fkUB&(),;|E 1sv k n kU);c$|E 1v ns) ; c$|E 1vk n k n|E 1vk( n ) U|E n k n kUB),;c|E ns 1) ; c$|"
    "E nk( 1 o svf(|E s 1v) ;c$|E s o x fkUB&(),;|E v ns) ;c$|E v( ns o svf(|E f ( xo )|E f ( ) xfkUBo&,;|E fk ( x o&),|"
    "E fk ( E xfk(|E k x fkUB&,; (|E k x kB& xf(|E k x ) kUo&;c$|E k xo k n(|E k 1 n k);c$|E k 1 nsv) k;c$|E k 1 svkBo&, f|"
    "E k n 1) ko;c$|E k nfo ( 1svf|E k s 1v fk;c$|E k v s fko;c$|E k f ( xfEo)|E k ( 1 nsvfo&(),|E k ( 1sE vf(|"
    "E k ( 1vE sf(|E k ( ns 1fo&(),|E k( x &, f|E k( 1s v) o|E k( nfE ( f|E k( E k (|ET x fo ( xf|ET n( f ( xf)|"
    "ET ( x fo (|ET ( 1 nsv )|ET ( 1s v) o|ET ( n 1 o)|ET ( nf ( 1svf|ET ( s 1v )|ET ( v s o)|ET& x o f (|ET& x o ( xf|"
    "ET& 1ns o sv( f|ET& 1ns o v fo|E& x U E xfk(|E& x o s 1vfU(|E& 1ns o v sfUo(|"
    // The rest.
    "U E x k xf(|U E x ko, f(|U E x ; c$|U E 1sv ;c$|U E nf ( )|U E k x k,;c$|U E k 1sv ko,;c$|U E k nf (|U E ( x o),|"
    "U ( E no( k|T n x ; c$|T nf ( 1sv o)|T n( x o sf(|T n( 1ns o svf(|T n( s o xf(|T ( 1nv sv )|T ( n x o)|T ( ns nv o)|"
    "; T k n c|; T ( E fk|X|";

constexpr std::string_view kTypes = "$1nsvfkEUBTAo&(),.:;{}?\\cX";
constexpr std::string_view kValues = "1nsv";
constexpr std::size_t kPatternsMax = 448;

// For each position and type the set of patterns that allow it there.  A fingerprint is an attack when one pattern is in all
// the sets of its types.
using Set = std::array<std::uint64_t, kPatternsMax / 64>;

struct Matcher {
  std::array<std::array<Set, kTypes.size()>, kTokensMax> allowed{};

  constexpr void allow(std::size_t pattern, std::size_t position, char type) {
    allowed[position][kTypes.find(type)][pattern / 64] |= std::uint64_t{1} << (pattern % 64);
  }
  constexpr Matcher() {
    std::size_t pattern = 0, position = 0;
    for (const char c : kPatterns) {
      if (c == ' ') {
        ++position;
      } else if (c == '|') {
        while (++position < kTokensMax) allow(pattern, position, '$');
        ++pattern;
        position = 0;
      } else if (c == 'x') {
        for (const char value : kValues) allow(pattern, position, value);
      } else {
        allow(pattern, position, c);
      }
    }
  }
};
constexpr Matcher kMatcher;

// Where in kTypes each byte is, or its size.
constexpr auto kTypeOf = [] {
  std::array<std::uint8_t, 256> out{};
  for (std::size_t c = 0; c < out.size(); ++c) out[c] = static_cast<std::uint8_t>(std::min(kTypes.find(c == 't' ? 'T' : static_cast<char>(c)), kTypes.size()));
  return out;
}();

}  // namespace

bool is_attack(std::string_view fingerprint) {
  if (fingerprint.empty()) return false;
  const Set* allowed[kTokensMax];
  for (std::size_t position = 0; position < kTokensMax; ++position) {
    const auto type = kTypeOf[static_cast<unsigned char>(position < fingerprint.size() ? fingerprint[position] : '$')];
    if (type == kTypes.size()) return false;
    allowed[position] = &kMatcher.allowed[position][type];
  }
  for (std::size_t i = 0; i < Set().size(); ++i) {
    auto left = ~std::uint64_t{0};
    for (const auto* one : allowed) left &= (*one)[i];
    if (left != 0) return true;
  }
  return false;
}

}  // namespace ringwall::waf::sqli
