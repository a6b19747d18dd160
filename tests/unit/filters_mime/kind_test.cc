// What a file is by its octets.
#include "filters/mime/kind.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::mime {
namespace {

using namespace std::string_view_literals;

struct Case {
  std::string_view content;
  std::string_view kind;
};

const Case kCases[] = {
    {"MZ\x90\0\x03\0\0\0"sv, "application/x-dosexec"},
    {"MZ is how this text begins", ""},
    {"\x7F"
     "ELF\x02\x01\x01",
     "application/x-executable"},
    {"PK\x03\x04\x14", "application/zip"},
    {"Rar!\x1A\x07\x01\0"sv, "application/vnd.rar"},
    {"7z\xBC\xAF\x27\x1C\0\x04"sv, "application/x-7z-compressed"},
    {"\x1F\x8B\x08", "application/gzip"},
    {"BZh91AY&SY", "application/x-bzip2"},
    {"BZh is no archive", ""},
    {"MSCF\0\0\0\0"sv, "application/vnd.ms-cab-compressed"},
    {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0"sv, "application/vnd.ms-office"},
    {"%PDF-1.7\n", "application/pdf"},
    {"\n\n%PDF-1.7\n", "application/pdf"},
    {"{\\rtf1\\ansi", "application/rtf"},
    {"\x4C\0\0\0\x01\x14\x02\0\0"sv, "application/x-ms-shortcut"},
    {"\xE4\x52\x5C\x7B\x8C\xD8\xA7\x4D\xAE\xB1\x53\x78\xD0\x29\x96\xD3", "application/onenote"},
    {"\xCA\xFE\xBA\xBE\0\0\0\x34"sv, "application/java-vm"},
    {"\xCA\xFE\xBA\xBE\0\0\0\x02"sv, "application/x-mach-binary"},
    {"\x78\x9F\x3E\x22\x01", "application/ms-tnef"},
    {"ab-lh5-", "application/x-lzh-compressed"},
    {"\x89PNG\r\n\x1A\n\0"sv, "image/png"},
    {"\xFF\xD8\xFF\xE0", "image/jpeg"},
    {"GIF89a", "image/gif"},
    {"RIFF\0\0\0\0WEBPVP8 "sv, "image/webp"},
    {"\0\0\0\x18"
     "ftypmp42"sv,
     "video/mp4"},
    {"<!DOCTYPE HTML>", "text/html"},
    {" \r\n<html lang=en>", "text/html"},
    {"\xEF\xBB\xBF<script>", "text/html"},
    {"\xFF\xFE<\0h\0t\0m\0l\0>\0"sv, "text/html"},
    {"<!-- hidden --> <body>", "text/html"},
    {"<!-- never ends", "text/html"},
    {"<!-- a --> and text", "text/html"},
    {"<?xml version='1.0'?>\n<html xmlns='x'>", "text/html"},
    {"<?xml version='1.0'?><svg>", "image/svg+xml"},
    {"<?xml version='1.0'?><a>", "text/xml"},
    {"<?xml", "text/xml"},
    {"<svg onload=x>", "image/svg+xml"},
    {"<htmlx>", ""},
    {"<hello@example.com>", ""},
    {"#!/bin/sh\n", "text/x-shellscript"},
    {"BEGIN:VCARD\r\n", "text/vcard"},
    {"[InternetShortcut]\r\nURL=x", "application/internet-shortcut"},
    {"Dear friend,", ""},
    {"", ""},
    {"P", ""},
    {"\0"sv, ""},
};

TEST(Kind, ByItsOctets) {
  for (const Case& one : kCases) EXPECT_EQ(detect_kind(one.content), one.kind) << one.content;
}

TEST(Kind, FarFromTheBeginning) {
  std::string disk(0x8001, '\0');
  EXPECT_EQ(detect_kind(disk), "");
  EXPECT_EQ(detect_kind(disk + "CD001"), "application/x-iso9660-image");
  EXPECT_EQ(detect_kind(std::string(2000, '\n') + "%PDF-1.7"), "");
}

}  // namespace
}  // namespace postern::mime
