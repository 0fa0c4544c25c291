// Which fingerprints are attacks.
//
// Measured, not thought up: every sequence of up to five types was put to libinjection 3.9.2.  Of those that folding can
// leave over (sqli_fold.cpp), 8,211 were attacks and 4.5 million were not.  The patterns are a greedy cover of the first that
// touches none of the second; what folding never leaves over was free to go either way.  So there is little meaning in where
// one pattern ends and the next begins, but each can be read: "x U E;c ;c$" is a value, UNION, then a query or the end of it.
#include <array>
#include <cstdint>

#include "waf/detail/sqli.h"

namespace ringwall::waf::sqli {

namespace {

// Patterns with '|' between them, of positions with ' ' between them, of the types each can have.
//   x  any value: 1 n s v       T  also t, as libinjection looks without regard for case       $  or nothing any more
constexpr std::string_view kPatterns =
    // What begins with a value, or goes on with one that was open.
    "x fkEUBTAo&, ( f (|x fkEUBTo&, ( x o|x fEUBTo&, ( 1sv o)|x fUo&, ( E xfk(|x k x|x k x) EB& 1svf(|x k x) U; E|"
    "x k x) B xf(|x k x) ; ET|x k 1sv) EBo& f(|x k 1sv) EB& xf(|x k ) fEBo& (|x kEUBTAo&, f ( xf)|x kEUBTA& s o xf(|"
    "x kEUBT& 1sv o 1svf(|x kEUB& 1sv c|x kEB& x U E|x kET& n ; T|x kEo& 1sv ; T|x kE) U E fk|x kB& x U E(|x ko& 1sv E nk|"
    "x ko) U E nk|x k& x ; ETc|x k) U) E xfk(|x E x T xf(|x E fU ( xf|x E U 1sv o,c|x E U( f (|x E o k n|x EUTAo& ( nsv o)|"
    "x EBT& 1ns o 1svf(|x Eo& 1sv T n|x U kEo ( E|x U E xf (,;c$|x U E xc$ sfkUBo&(),;c$|x U E 1sk( svfo(|x U E 1vo nk|"
    "x U E sk( 1svfo(|x U ETo n 1sf(|x U E;c ;c$|x U Ec xfk;c$ ;c$|x UBT& fE ( xf|x UBT&); E k (|x UBo 1sv , f(|"
    "x UT&); E fk (|x UT&); E k( xf(|x U& E( x( o|x U&); E x oc|x U&; E x ko;c|x U; T n xf(|x B x kBo&, 1svf(|"
    "x B x kB& xf(|x B x ;c c$|x B 1sv ;c$ c$|x Bo& 1sv kB& xf(|x B& x kBo& 1svf(|x B& 1v ;c$ c$|x T x o( f|x T n x oc|"
    "x T n n o:c|x T n kET; n|x T n ETo( 1svf(|x T n ; nET|x T nvfE ( 1f|x T E x no|x T T n nkET|x T& nE( f (|x A svT U E|"
    "x A svT o 1svf(|x A sT o xf(|x o 1sv skEUBTA& sv|x o 1sv k xfUB()|x o 1sv EU 1svfko(|x o 1sv UBT&(); E|"
    "x o 1sv UTA svfT(|x o 1sv & xfkEU(|x o 1sv ) fkEUBo&,;c|x o nsvfU ( E|x o s 1vkE& sfU(|x o s 1vkE&( U(|"
    "x o s 1kEBT& nsvf(|x o sv skEUBT&, 1svf(|x o k x c|x o ( E xfkEo(|x o& 1sv U;c E;c$|x o& 1svk f& (|x o& sk( sv o|"
    "x o& vk( s o|x o& f ( xfE)|x o& k o( xf(|x o& ( x o&),|x o& ( E xfko(|x o&) k 1sv o|x & x U E(;c$|x & x ) Uo&c|"
    "x & 1svk c|x & sE 1sv ;c$|x & v sc$ o;c$|x & k no k|x ) fkEBo&, ( f|x ) k xU E|x ) k 1sv EUBo&;|x ) k n kEUB&;c|"
    "x ) k B( xf(|x ) kEBo& f (|x ) kEBo&, ( xf|x ) Uo& ( E|x ) B 1( n|x ) Bo x kU&;c|x ) Bo& sv U&;c$|x ) B& x Uo&;c$|"
    "x ) o v kUBo&);c$|x ) o& x UB&);c|x ) & x( f&|x ) ; ET xfko(|x ; n : T|x ; E n( E|x ; ET x kTo,;c|x ; ET k 1svfo(|"
    "x ; T xfko (|x ; T xk fko(|x ; T nT( n|x ; T ( xfEc|x ; T ; c$|x c|xkEUT& f ( f (|xE f ( n o,|xE f ( ) xfkUo|"
    "xE k x U E(|xEU fE ( f (|xET f ( ) fo|xE& f ( ) Uo|xU fE ( x o|x) U E x ko|x) U E fk (|x) U) E k( xf(|x) & ( E nk|"
    "1 n E&(, f (|1 n U E xfk(;c$|1 nk ) U E|1 nUBT&); E ( xf|1 nU&); E x oc|1 UT ET n n|1 & xE U E|1 & E k xfU(|"
    "1ns o 1sv skE&() U|1ns o 1v ;c nETc$|1ns o nv s( U|1s sv U E k;c$|1s skBo& v ;c$ c$|1sv f ( 1E) n|"
    "1sv fkEUTAo&, ( nsv o)|1sv k x) EB& xf(|1sv kB x ;c$ c$|1sv kB& x ;c c$|1sv E k x UT;c|1sv E k U( 1svfE(|"
    "1sv E kU( f (|1sv ET& n ET n|1sv E& k o k|1sv E) k nU E|1sv U& E x ko;c$|1sv U) c|1sv o sv kEBT&; n|1sv o& k o&( xf(|"
    "1sv o() U ( E|1sv & x kEBT n|1sv & s 1vU;c$ ;c$|1sv ) o 1sv kUB&);c$|1sv ; ET k xfo(|1svfEU ( E f (|1svfEU ( E k nf|"
    "1svfU ( E n k|1svkET& f ( x) o)|1svEU E k ( f|1svU E x c|1svU E fk ( xf|1svU E k( 1sv o|1skE& v o sf (|"
    "1sE svk f ( xf)|1sE v s ;c c$|1sE vk s o xf(|1sET v fo ( xf|1sE& v o s 1vfU(|1v Uc E;c$ ;c$ c$|1E n U ( E|"
    "1E nfkE ( f (|1E sko v o sf(|1E v s ;c$|1ET nf ( 1sv o|1ET nf ( sv o)|1ET nf ( f (|n 1) o f (|n 1) o ( xf|"
    "n Bo& ( x o&|ns 1s U E k;c$|ns 1kBo& sv ;c c$|ns o x k 1UB)|nsv T; T n nkET|nsvE fk ( 1sv o)|nsE 1ko v o sf(|"
    "nkE& 1 o s( 1svf(|nE& 1 o v sfUo(|nE& 1s o sv U|nE& s o x U|s 1kEB& nsv c|s To& n( f (|s o x EBT& xf(|s o x UTA svfT(|"
    "s o x U) fkEo;c|s o x U; ET;c$|s o x BT&; nE|s o x & xfkEU(|s o x ) fkEUBo&,;c|s o 1 n EU&(,|s o 1s vE sfUo(|"
    "s o n 1E vUo(|s o n kEUBT&(, 1svf(|sv kBo& sv ;c$|sv & x U;c$ E;c$|sE 1s v ;c$ c$|sE 1svk f ( xf)|v ) o x kUB&);c$|"
    // What begins with a function, a keyword or a query.
    "f ( x ) xfkEUBTAo&,;c$|f ( xkT) , f(|f ( fk ( )|f ( E xo k|f ( ) xfkEUBTAo&, (|f ( ) xE fUo(|f ( ) 1svkEo sfU(|"
    "f ( ) 1kEBTo&, nsvf(|f ( ) n 1fEUo&(),|f ( ) nUBT&; E|f ( ) skEUBTo&, 1svf(|f ( ) k xfU()|f ( ) EUo& 1svfk(|"
    "f ( ) UTA svfT(|f ( ) Uc 1svfkETo(;c$|f ( ) T; nET|fk ( x ) kAo,|fkET& ( x o 1svf(|fkET& ( s o xf(|fkET& ( f ( xf)|"
    "fE ( x & xf(|fE ( x ) xfkUBo&,;c|fE ( fE ( xfE|fE ( E x o&)|fEU ( E x o)|fEU ( E k( xf(|fET ( x ) fo|fE& ( x ) Uo|"
    "fU ( E k xfo(|k x k 1sv Uo|k x kA sv o|k x kA, f (|k x kA, ( nsvf|k 1sv kAo, f (|k 1sv o 1sv sfkA(,|k s o ns 1fkA(,|"
    "k f ( ) kAo,|kE x k n U|kE x k, ( xf|kE 1ns ko v o|kET& s o x( f|kE& 1sv o 1( nsvf(|kE& 1sv o s( 1svf(|"
    "kE& s o ns( 1f(|E x fkBo&, ( xf|E x k x k)|E x kUo&; ( E|E x kBo&, f (|E x kB& 1sv o)|E x B& x o)|"
    "E x o 1sv sfkUB&(),;|E x ) ko& n|E x ) U; E|E x ) o& xf(|E x ) ;c$ ET(c$|E xk fo ( xf|E xo k n k|E xo k ( E|"
    "E 1sv k n kU);c$|E 1v ns) ;c c$|E 1v n) k n|E 1vk( n ) U|E n k n kUB),;c|E ns 1) ; c$|E nk( 1 o svf(|E s 1v) ;c$|"
    "E s o ns 1fkUB&(),;|E v ns) o 1svf(|E v ns) ;c$|E f ( xo )|E f ( ) xfkUBo&,;|E fk ( x o&),|E fk ( E xfk(|"
    "E k x fkUB&,; (|E k x kB& xf(|E k x ) kUo&;c$|E k xEo k (|E k xo k n(|E k 1 n) k);c$|E k 1s sv fk;c$|E k 1s( v fo|"
    "E k n 1) ko;c$|E k nfEo ( f|E k s 1v fk;c$|E k v s fko;c$|E k f ( xfEo)|E k ( 1sv sfo&(),|E k ( 1sE svf(|"
    "E k ( 1E nsvf(|E k ( nsE 1f(|E k( 1sv o&, 1svf|E k( n &(, 1svf|ET x fo ( xf|ET n( f ( xf)|ET ( x fo (|ET ( 1 nsv )|"
    "ET ( 1s v) o)|ET ( n 1) o)|ET ( nf ( 1svf|ET ( s 1v )|ET ( sv s) o)|ET& x o 1sv( f|ET& x o f (|ET& x o ( xf|"
    "E& x U E xfk(|E& x o 1sv sfU(|E& x o s( 1svf(|"
    // The rest.
    "U E x k xf(|U E x ko, 1svf(|U E x ; c$|U E 1sv ;c$ c$|U E nf ( )|U E s ko xf(|U E k x k,;c$|U E k nf (|U E ( x o),|"
    "U ( E no( k|T n x ; c$|T nf ( 1sv o)|T n( x o 1svf(|T n( s o xf(|T ( x sv )|T ( ns nsv) o)|; T k n c|; T ( E fk|X|";

constexpr std::string_view kTypes = "$1nsvfkEUBTAo&(),.:;{}?\\cX";
constexpr std::string_view kValues = "1nsv";
constexpr std::size_t kPatternsMax = 384;

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

}  // namespace

bool is_attack(std::string_view fingerprint) {
  if (fingerprint.empty()) return false;
  Set left;
  left.fill(~std::uint64_t{0});
  for (std::size_t position = 0; position < kTokensMax; ++position) {
    const char type = position < fingerprint.size() ? fingerprint[position] : '$';
    const auto index = kTypes.find(type == 't' ? 'T' : type);
    if (index == std::string_view::npos) return false;
    for (std::size_t i = 0; i < left.size(); ++i) left[i] &= kMatcher.allowed[position][index][i];
  }
  for (const auto word : left) {
    if (word != 0) return true;
  }
  return false;
}

}  // namespace ringwall::waf::sqli
