#include "filters/mime/html_stack.h"

#include <algorithm>

namespace postern::mime {
namespace {

constexpr size_t kNone = static_cast<size_t>(-1);

bool table_part(const Element& element) {
  return element.has(Element::kTable | Element::kCell) || element.is("caption") || element.is("col");
}

/// HTML, 13.2.4.2: "have a particular element in scope".
bool is_barrier(const Element& open, const Element& wanted) {
  if (table_part(wanted)) return open.is("table");
  if (wanted.is("p") && open.is("button")) return true;
  if (wanted.is("li") && (open.is("ol") || open.is("ul"))) return true;
  return open.has(Element::kScope);
}

}  // namespace

int OpenElements::link() const {
  return open_.empty() ? kNoLink : open_.back().link;
}

size_t OpenElements::nearest_table() const {
  constexpr Element kTableElement{element_id("table"), 0};
  if (!maybe_open(kTableElement)) return kNone;
  for (size_t i = open_.size(); i-- > 0;) {
    if (open_[i].element.id == kTableElement.id) return i;
  }
  return kNone;
}

/// HTML, 13.2.6.1 (foster parenting): what stands in a table but in no cell is shown before the table, out of reach of
/// the table's style.
const Look& OpenElements::parent_look(size_t index, const Element& element) const {
  if (index == 0) return root_;
  if (open_[index - 1].element.has(Element::kTable) && !table_part(element)) {
    size_t table = index;
    while (table > 0 && !open_[table - 1].element.is("table")) --table;
    return table > 1 ? open_[table - 2].look : root_;
  }
  return open_[index - 1].look;
}

void OpenElements::refresh(size_t index) {
  for (size_t i = index; i < open_.size(); ++i) {
    open_[i].look = look_inside(parent_look(i, open_[i].element), open_[i].element, open_[i].style);
  }
}

void OpenElements::push(const Element& element, const Style& style, int link) {
  if (open_.size() >= kMaxDepth) {
    truncated_ = true;
    ++skipped_[bucket(element)];
    return;
  }
  const Look& parent = parent_look(open_.size(), element);
  open_.push_back(Open{element, style, link == kNoLink ? this->link() : link, look_inside(parent, element, style)});
  ++counts_[bucket(element)];
}

void OpenElements::remove_one(size_t index) {
  --counts_[bucket(open_[index].element)];
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
}

/// With all that is above, but formatting elements, which browsers open again (HTML, 13.2.4.3), unless they were inside
/// a cell or the like. A link is one of them.
void OpenElements::remove_from(size_t index) {
  bool marker = false;
  size_t kept = index;
  for (size_t i = index; i < open_.size(); ++i) {
    marker = marker || open_[i].element.has(Element::kMarker);
    if (i != index && !marker && open_[i].element.has(Element::kFormatting)) {
      open_[kept] = open_[i];
      ++kept;
    } else {
      --counts_[bucket(open_[i].element)];
    }
  }
  open_.resize(kept);
  for (size_t i = index; i < kept; ++i) {
    if (!open_[i].element.is("a")) open_[i].link = i > 0 ? open_[i - 1].link : kNoLink;
  }
  refresh(index);
}

/// HTML, 13.2.6.4.7: "html" and "body" that come late lend their attributes to the ones that are there, at the bottom.
void OpenElements::insert_outermost(const Element& element, const Style& style) {
  if (element.is("head") || open_.size() >= kMaxDepth) return;
  size_t place = 0;
  for (size_t i = 0; i < open_.size() && i < 2; ++i) {
    if (open_[i].element.id == element.id) return;
    if (open_[i].element.is("html")) place = i + 1;
  }
  open_.insert(open_.begin() + static_cast<std::ptrdiff_t>(place), Open{element, style, kNoLink, {}});
  ++counts_[bucket(element)];
  refresh(place);
}

/// HTML, 13.2.6.4.9 to 13.2.6.4.15: a part of a table ends those that cannot hold it. False: there is no table, so it
/// is no element at all.
bool OpenElements::enter_table_part(const Element& element) {
  size_t table = nearest_table();
  if (table == kNone) return false;
  bool cell = element.has(Element::kCell);
  bool row = element.is("tr");
  for (size_t i = table + 1; i < open_.size(); ++i) {
    const Element& one = open_[i].element;
    bool ends = one.has(Element::kCell) || one.is("caption") || one.is("colgroup") || (!cell && one.is("tr")) ||
                (!cell && !row && one.has(Element::kTable));
    if (!ends) continue;
    remove_from(i);
    break;
  }
  return true;
}

// HTML, 13.2.6.4.7, the start tags "li" and "dd", "dt".
void OpenElements::close_item(const Element& item) {
  bool list = item.is("li");
  for (size_t i = open_.size(); i-- > 0;) {
    const Element& one = open_[i].element;
    if (one.has(Element::kItem) && one.is("li") == list) return remove_from(i);
    if (one.has(Element::kSpecial) && !one.is("address") && !one.is("div") && !one.is("p")) return;
  }
}

void OpenElements::close_implied(const Element& element) {
  if (element.has(Element::kItem)) close_item(element);
  if (element.has(Element::kEndsParagraph)) {
    constexpr Element kParagraph{element_id("p"), 0};
    if (size_t found = find_in_scope(kParagraph); found != kNone) remove_from(found);
  }
  if (open_.empty()) return;
  const Element& top = open_.back().element;
  bool same_heading = element.has(Element::kHeading) && top.has(Element::kHeading);
  bool next_option = top.is("option") && (element.is("option") || element.is("optgroup"));
  if (same_heading || next_option) {
    remove_from(open_.size() - 1);
  } else if (element.is("table") && top.has(Element::kTable)) {
    if (size_t table = nearest_table(); table != kNone) remove_from(table);
  } else if (element.is("a")) {
    close_formatting(element);
  }
}

void OpenElements::open(const Element& element, const Style& style, int link) {
  if (element.has(Element::kOutermost)) return insert_outermost(element, style);
  if (element.has(Element::kVoid)) {
    if (element.has(Element::kEndsParagraph)) close_implied(element);
    return;
  }
  if (table_part(element) && !element.is("table")) {
    if (!enter_table_part(element)) return;
  } else {
    close_implied(element);
  }
  push(element, style, link);
}

size_t OpenElements::find_in_scope(const Element& element) const {
  bool heading = element.has(Element::kHeading);
  if (!heading && !maybe_open(element)) return kNone;
  for (size_t i = open_.size(); i-- > 0;) {
    const Element& one = open_[i].element;
    if (one.id == element.id || (heading && one.has(Element::kHeading))) return i;
    if (is_barrier(one, element)) return kNone;
  }
  return kNone;
}

/// HTML, 13.2.6.4.7 (the adoption agency): a formatting element ends, though elements opened in it go on.
void OpenElements::close_formatting(const Element& element) {
  if (!maybe_open(element)) return;
  bool special = false;
  for (size_t i = open_.size(); i-- > 0;) {
    const Element& one = open_[i].element;
    if (one.id == element.id) {
      if (!special) return remove_from(i);
      remove_one(i);
      // Text behind is no longer the link's.
      for (size_t above = i; above < open_.size(); ++above) {
        if (!open_[above].element.is("a")) open_[above].link = above > 0 ? open_[above - 1].link : kNoLink;
      }
      return refresh(i);
    }
    if (one.has(Element::kMarker)) return;
    special = special || one.has(Element::kSpecial);
  }
}

void OpenElements::close(const Element& element) {
  if (element.has(Element::kOutermost | Element::kVoid)) return;
  if (skipped_[bucket(element)] > 0) {
    --skipped_[bucket(element)];
    return;
  }
  if (element.has(Element::kFormatting)) return close_formatting(element);
  if (element.has(Element::kSpecial)) {
    if (size_t found = find_in_scope(element); found != kNone) remove_from(found);
    return;
  }
  if (!maybe_open(element)) return;
  for (size_t i = open_.size(); i-- > 0;) {
    if (open_[i].element.id == element.id) return remove_from(i);
    if (open_[i].element.has(Element::kSpecial)) return;
  }
}

}  // namespace postern::mime
