// Views: objects through which rules read the facts of the message that is being judged. Each is made once a state and
// looks into the facts when it is asked. Everything here runs under State::call().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lua/api.h"
#include "lua/sandbox.h"

namespace postern::rules {

struct ViewTable;

/// One field of an object: pushes one value. It is called from stage `since` on. `push` null: a name that a later
/// version will know. `fields`: of the object that it gives, or of each element of the array; null: neither.
/// `after_earlier`: it depends on the rules before, so a rule that asks waits until they have ended.
struct ViewRow {
  std::string_view name;
  Stage since;
  void (*push)(lua_State* lua, MailContext& mail);
  const ViewTable* fields = nullptr;
  bool after_earlier = false;
};

/// An object with fields; pairs() gives them in the order of the rows, without functions and without what is not known
/// at the rule's stage. Static storage; `path` is its name in messages, "mail.spf".
struct ViewTable {
  std::string_view path;
  const ViewRow* rows;
  size_t count;
};

/// An array: indices from 1, '#', ipairs and pairs. Static storage; `push` is asked for 0 <= at < size only. `owner`:
/// the place of the element that it belongs to (make_element_arrays), else 0.
struct ViewArray {
  std::string_view name;  // "dkim"
  std::string_view path;  // of what it belongs to: "mail"
  Stage since;
  size_t (*size)(MailContext& mail, size_t owner);
  void (*push)(lua_State* lua, MailContext& mail, size_t owner, size_t at);
};

/// What is being judged; raises an error while files are read.
[[nodiscard]] MailContext& context(lua_State* lua);
/// Raises an error when the running rule comes before `since`.
void require_stage(lua_State* lua, const MailContext& mail, std::string_view path, std::string_view name, Stage since);

/// Pushes an object that was made.
void push_view(lua_State* lua, State::View view);
/// A row's function that gives the object `view`.
template <State::View view>
void row_of(lua_State* lua, MailContext& /*mail*/) {
  push_view(lua, view);
}

/// What `mail` offers: for those who check rules without running them.
[[nodiscard]] const ViewTable& mail_table();

/// Makes mail.lists (api_listed.cc). Its fields are the lists of the rules: there is no table of them.
void open_listed(lua_State* lua);
/// Makes mail.bulk (api_bulk.cc).
void open_bulk(lua_State* lua);
/// Makes mail.classifier (api_classifier.cc).
void open_classifier(lua_State* lua);
/// The running rule knows now that the list of this name has listed something.
void note_listed(MailContext& mail, const std::string& list);

/// Of the objects of api_authentication.cc, api_bulk.cc and api_classifier.cc; those of content are in lua/content.h.
extern const ViewTable kSpfTable;
extern const ViewTable kHeloSpfTable;
extern const ViewTable kSignatureTable;
extern const ViewTable kDmarcTable;
extern const ViewTable kArcTable;
extern const ViewTable kBulkTable;
extern const ViewTable kClassifierTable;

void make_view(lua_State* lua, State::View view, const ViewTable& table);
void make_array(lua_State* lua, State::View view, const ViewArray& array);
/// For arrays of objects. Under `view` there is afterwards no object, but the store of those that push_element makes.
void make_elements(lua_State* lua, State::View view, const ViewTable& table);
/// For arrays that belong to elements, attachments[1].names: push_element(lua, view, owner) pushes that of one element.
void make_element_arrays(lua_State* lua, State::View view, const ViewArray& array);
/// Pushes the object of place `at` of an array; it is made the first time and kept.
void push_element(lua_State* lua, State::View view, size_t at);
/// For rows of `table` in make_elements: the place of the object whose field is read.
[[nodiscard]] size_t element_place(lua_State* lua);

}  // namespace postern::rules
