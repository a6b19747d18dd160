// The elements that are open, and which tags open and close them (HTML standard, 13.2.4 and 13.2.6), without a tree.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "filters/mime/html_look.h"

namespace postern::mime {

/// Bounded in depth: what is opened beyond has no effect. A tag costs at most a walk over the depth.
class OpenElements {
 public:
  static constexpr size_t kMaxDepth = 256;
  static constexpr int kNoLink = -1;

  /// A start tag; closes what it closes by its nature (a paragraph, a cell, a list item). `link` belongs to the text
  /// inside. Void elements are not pushed.
  void open(const Element& element, const Style& style, int link);
  void close(const Element& element);

  /// For text at this place, and for an element that begins here.
  [[nodiscard]] const Look& look() const { return parent_look(open_.size(), Element{}); }
  /// Of the innermost anchor with a target, or kNoLink.
  [[nodiscard]] int link() const;
  /// The depth was exceeded.
  [[nodiscard]] bool truncated() const { return truncated_; }

 private:
  struct Open {
    Element element;
    Style style;
    int link = kNoLink;
    Look look;
  };
  static constexpr size_t kBuckets = 256;

  void push(const Element& element, const Style& style, int link);
  void insert_outermost(const Element& element, const Style& style);
  bool enter_table_part(const Element& element);
  void close_implied(const Element& element);
  void close_formatting(const Element& element);
  void close_item(const Element& item);
  void remove_from(size_t index);
  void remove_one(size_t index);
  void refresh(size_t index);
  [[nodiscard]] bool maybe_open(const Element& element) const { return counts_[bucket(element)] != 0; }
  [[nodiscard]] size_t find_in_scope(const Element& element) const;
  [[nodiscard]] size_t nearest_table() const;
  [[nodiscard]] const Look& parent_look(size_t index, const Element& element) const;
  static size_t bucket(const Element& element) { return element.id % kBuckets; }

  std::vector<Open> open_;
  Look root_;
  std::array<uint16_t, kBuckets> counts_{};   // of open_, by bucket(): most end tags of nothing open need no walk
  std::array<uint32_t, kBuckets> skipped_{};  // beyond the depth, by bucket(): whose end tags must close nothing
  bool truncated_ = false;
};

}  // namespace postern::mime
