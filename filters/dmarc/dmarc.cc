#include "filters/dmarc/dmarc.h"

namespace postern::dmarc {

std::string_view to_string(Result result) {
  switch (result) {
    case Result::None: return "none";
    case Result::Pass: return "pass";
    case Result::Fail: return "fail";
    case Result::TempError: return "temperror";
    case Result::PermError: return "permerror";
  }
  return "none";
}

std::string_view to_string(Policy policy) {
  switch (policy) {
    case Policy::None: return "none";
    case Policy::Quarantine: return "quarantine";
    case Policy::Reject: return "reject";
  }
  return "none";
}

}  // namespace postern::dmarc
