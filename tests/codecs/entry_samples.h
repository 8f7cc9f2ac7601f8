// A log entry with something in every field.
#pragma once

#include <string>

#include "codecs/entry.h"

namespace pawl::codecs {

inline Entry full_entry() {
  Entry entry;
  entry.time = TimeMs(1'767'225'600'123);
  entry.run = Index(7);
  entry.previous = Index(6);
  entry.first_seq = Seq(9);
  entry.events = std::string("\x00\x01\xff events", 10);
  engine::KeyedAnswer answer;
  answer.key = "key";
  answer.request = digest("body");
  answer.at = entry.time;
  answer.status = 201;
  answer.body = R"({"id":"r"})";
  engine::KeyedAnswer forwarded;
  forwarded.forwarded = {1ull << 63, 12, 9};
  forwarded.at = entry.time;
  forwarded.status = 200;
  entry.answers = {answer, answer, forwarded};
  entry.answers[1].key = "other";
  entry.answers[1].body.clear();
  engine::Message message;
  message.number = 3;
  message.name = "w";
  message.version = 4;
  entry.sends = {{GroupId(0), message}, {GroupId(5), message}};
  entry.receive_from = GroupId(2);
  entry.receive = message;
  entry.ack_to = GroupId(1);
  entry.ack_through = 1ull << 40;
  entry.catalog = "catalog";
  entry.raise_level = 1;
  entry.forgets = {Index(1), Index(2), Index(300), Index(1ull << 40)};
  entry.forgets_generations = {{Index(4), 1}, {Index(1ull << 41), UINT32_MAX}};
  return entry;
}

}  // namespace pawl::codecs
