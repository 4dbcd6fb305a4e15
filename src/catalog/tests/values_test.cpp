#include "catalog/values.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "catalog/scalar_codec.hpp"
#include "catalog/values.pb.h"

namespace headrace::catalog {
namespace {

Values every_type() {
    Values values;
    values.set("text", std::string("grüße\0x", 9));
    values.set("integer", std::int64_t{-9'007'199'254'740'993});
    values.set("number", 0.1);
    values.set("flag", true);
    values.set("nothing", Null{});
    values.set("at", Time{1'790'000'000'123});
    values.set("json", Json{R"({"a":[1]})"});
    values.set("tensor", Tensor{DType::int16, {2, 1}, std::string("\1\0\2\0", 4)});
    Media media{"image/png", "a.png", 3, InlineBytes{"abc"}, {{"sample_rate", "16000"}}};
    values.set("inline", media);
    media.source = FileSource{"0193a5a2-0000-7000-8000-000000000001"};
    values.set("file", media);
    media.source = UrlSource{"https://example.test/a.png"};
    values.set("url", media);
    media.source = BlobSource{sha256("abc")};
    values.set("blob", media);
    media.source = PartSource{7};
    values.set("part", media);
    values.set("list", Value::List{std::string("a"), std::string("b")});
    values.set("empty", Value::List{});
    return values;
}

/// Scalars at the edges of what their encoding takes.
std::vector<Value> edges() {
    std::vector<Value> all{Null{}, true, false, 0.0, -0.0, 0.1, std::string(), std::string("a")};
    for (const std::size_t size : {126U, 127U, 128U, 129U, 16'383U, 16'384U}) {
        all.emplace_back(std::string(size, 'x'));
    }
    for (int shift = 0; shift < 63; ++shift) {
        const std::int64_t number = std::int64_t{1} << shift;
        for (const std::int64_t near : {number - 1, number, -number, -number - 1}) {
            all.emplace_back(near);
            all.emplace_back(Time{near});
        }
    }
    all.emplace_back(std::numeric_limits<std::int64_t>::min());
    all.emplace_back(std::numeric_limits<std::int64_t>::max());
    all.emplace_back(Json{"[1]"});
    return all;
}

// They are written and read by hand; the generated code says what is right.
TEST(Values, ScalarsAreTheBytesOfTheGeneratedCode) {
    for (const Value& value : edges()) {
        Values values;
        values.set("before", std::int64_t{1});
        values.set("value", value);
        const std::string bytes = encode(values);
        headrace::Values message;
        ASSERT_TRUE(message.ParseFromString(bytes));
        EXPECT_EQ(message.SerializeAsString(), bytes);
        const auto back = decode(bytes);
        ASSERT_TRUE(back.has_value());
        EXPECT_EQ(*back, values);
    }
}

TEST(Values, BrokenScalarsAreJudgedAsByTheGeneratedCode) {
    Values values;
    values.set("text", std::string("grüße"));
    values.set("integer", std::int64_t{-300});
    values.set("number", 0.5);
    values.set("flag", true);
    values.set("nothing", Null{});
    values.set("at", Time{1'790'000'000'123});
    values.set("json", Json{"{}"});
    const std::string sound = encode(values);
    const auto whole = [](const headrace::Values& message) {
        for (const auto& field : message.fields()) {
            if (field.value().kind_case() == headrace::Value::KIND_NOT_SET) return false;
            if (field.value().has_tensor() || field.value().has_media()) return false;
        }
        return true;
    };
    for (std::size_t at = 0; at < sound.size(); ++at) {
        headrace::Values message;
        const bool parses = message.ParseFromString(sound.substr(0, at)) && whole(message);
        EXPECT_EQ(decode(sound.substr(0, at)).has_value(), parses) << at;
        for (int bit = 0; bit < 8; ++bit) {
            std::string bytes = sound;
            bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
            const auto taken = decode(bytes);
            if (!message.ParseFromString(bytes)) {
                EXPECT_FALSE(taken.has_value()) << at << ' ' << bit;
            } else if (taken) {
                // What was understood is what the generated code understands.
                headrace::Values again;
                ASSERT_TRUE(again.ParseFromString(encode(*taken)));
                EXPECT_EQ(again.fields_size(), message.fields_size());
                for (int i = 0; i < again.fields_size(); ++i) {
                    EXPECT_EQ(again.fields(i).name(), message.fields(i).name());
                    EXPECT_EQ(again.fields(i).value().kind_case(),
                              message.fields(i).value().kind_case());
                    EXPECT_EQ(again.fields(i).value().text(), message.fields(i).value().text());
                    EXPECT_EQ(again.fields(i).value().integer(),
                              message.fields(i).value().integer());
                    EXPECT_EQ(again.fields(i).value().time_ms(),
                              message.fields(i).value().time_ms());
                }
            }
        }
    }
}

TEST(Values, SurviveTheWire) {
    const auto values = every_type();
    const auto back = decode(encode(values));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, values);
    EXPECT_EQ(decode("")->fields.size(), 0U);
}

TEST(Values, AreGoldenBytes) {
    // The Python kit's codec is held against the same bytes.
    Values values;
    values.set("t", std::string("hi"));
    values.set("i", std::int64_t{-2});
    values.set("x", Tensor{DType::uint8, {2}, "\1\2"});
    EXPECT_EQ(to_hex(encode(values)),
              "0a090a017412040a026869"
              "0a070a016912021003"
              "0a100a0178120b420908061201021a020102");
}

TEST(Values, SetReplaces) {
    Values values;
    values.set("a", true);
    values.set("a", false);
    ASSERT_EQ(values.fields.size(), 1U);
    EXPECT_FALSE(*values.find("a")->get<bool>());
    EXPECT_EQ(values.find("b"), nullptr);
}

std::string wire(const std::function<void(::headrace::Value&)>& fill, int copies = 1) {
    ::headrace::Values message;
    for (int i = 0; i < copies; ++i) {
        auto& field = *message.add_fields();
        field.set_name("x");
        fill(*field.mutable_value());
    }
    return message.SerializeAsString();
}

TEST(Values, DecodeRefusesWhatIsBroken) {
    EXPECT_FALSE(decode("\xff\xff"));
    EXPECT_FALSE(decode(wire([](auto&) {})));
    EXPECT_FALSE(decode(wire([](auto& v) { v.set_integer(1); }, 2)));  // a name twice
    EXPECT_FALSE(decode(wire([](auto& v) { v.mutable_list()->add_items()->mutable_list(); })));
    EXPECT_FALSE(decode(wire([](auto& v) { v.mutable_media()->set_size(3); })));  // no source
    EXPECT_FALSE(decode(wire([](auto& v) { v.mutable_media()->set_blob("short"); })));
    EXPECT_FALSE(decode(wire([](auto& v) { v.mutable_media()->set_part(0); })));
    const auto tensor = [](::headrace::DType dtype, std::int64_t length, std::string data) {
        return wire([&](auto& v) {
            v.mutable_tensor()->set_dtype(dtype);
            v.mutable_tensor()->add_shape(length);
            v.mutable_tensor()->set_data(data);
        });
    };
    EXPECT_TRUE(decode(tensor(DTYPE_INT16, 2, "abcd")));
    EXPECT_FALSE(decode(tensor(DTYPE_INT16, 2, "abc")));
    EXPECT_FALSE(decode(tensor(DTYPE_INT16, -1, "")));
    EXPECT_FALSE(decode(tensor(DTYPE_UNSET, 0, "")));
    EXPECT_FALSE(decode(tensor(DTYPE_BOOL, 1, "\2")));
    EXPECT_FALSE(decode(tensor(DTYPE_INT64, std::int64_t{1} << 61, "")));  // overflows a byte count
    EXPECT_TRUE(decode(tensor(DTYPE_BYTES, 1, std::string("\1\0\0\0a", 5))));
    EXPECT_FALSE(decode(tensor(DTYPE_BYTES, 1, std::string("\2\0\0\0a", 5))));
    // A text that is not UTF-8, written by hand: no codec of ours makes one.
    EXPECT_FALSE(decode(std::string("\x0a\x08\x0a\x01x\x12\x03\x0a\x01\xff", 10)));
}

TEST(Values, MediaAreVisitedDepthFirst) {
    Values values;
    values.set("a", Media{"", "1", 0, InlineBytes{}, {}});
    values.set("b", Value::List{Media{"", "2", 0, InlineBytes{}, {}},
                                Media{"", "3", 0, InlineBytes{}, {}}});
    values.set("c", Media{"", "4", 0, InlineBytes{}, {}});
    std::string order;
    for_each_media(values, [&](std::string_view, const Media& media) { order += media.name; });
    EXPECT_EQ(order, "1234");
    for_each_media(values, [](std::string_view field, Media& media) { media.name = field; });
    EXPECT_EQ(values.find("c")->get<Media>()->name, "c");
}

TEST(Tensor, CountsWithoutOverflow) {
    EXPECT_EQ(element_count({}), 1U);
    EXPECT_EQ(element_count({3, 4}), 12U);
    EXPECT_EQ(element_count({0, std::int64_t{1} << 62}), std::nullopt);
    EXPECT_EQ(element_count({5, 0}), 0U);
    EXPECT_EQ(element_count({std::int64_t{1} << 39, 4}), std::nullopt);
    EXPECT_EQ(element_count({-1}), std::nullopt);
}

TEST(Values, OneTextByHandIsAsTheOthersAre) {
    for (const std::size_t size : {0UL, 1UL, 100UL, 127UL, 128UL, 20'000UL}) {
        const std::string text(size, 'x');
        Values values;
        values.set("response", text);
        EXPECT_EQ(encode_text("response", text), encode(values)) << size;
        EXPECT_EQ(only_text(encode(values), "response"), text) << size;
        EXPECT_EQ(only_text(encode(values), "text"), std::nullopt);
        values.set("status", std::int64_t{400});
        EXPECT_EQ(only_text(encode(values), "response"), std::nullopt);
    }
    Values number;
    number.set("response", std::int64_t{1});
    EXPECT_EQ(only_text(encode(number), "response"), std::nullopt);
    EXPECT_EQ(only_text("", "response"), std::nullopt);
    EXPECT_EQ(only_text(encode_text("response", "\xff"), "response"), std::nullopt);
    const auto whole = encode_text("response", "text");
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        EXPECT_EQ(only_text(whole.substr(0, cut), "response"), std::nullopt) << cut;
    }
}

}  // namespace
}  // namespace headrace::catalog
