#include "main/commands/administration.hpp"

#include "main/commands/print.hpp"

namespace headrace::main {

int print_list(const Connection& connection, const std::string& path, const std::string& name,
               const std::vector<Column>& columns, std::string_view empty) {
    auto api = Api::open(connection, true);
    if (!api) return report_misuse(api.error());
    const auto reply = api->get(path);
    if (!reply) return report(reply.error());
    if (connection.json()) {
        print(pretty_json(*reply));
        return kOk;
    }
    std::vector<std::string> headings;
    for (const auto& column : columns) headings.push_back(column.heading);
    Table table(std::move(headings));
    if (const auto* items = member(*reply, name); items && items->is_array()) {
        for (const auto& item : items->get_array()) {
            std::vector<std::string> row;
            for (const auto& column : columns) {
                row.push_back(column.shown ? column.shown(item) : show(item, column.path));
            }
            table.add(std::move(row));
        }
    }
    print(table.text(empty));
    return kOk;
}

int act_on(const Connection& connection, const std::string& method, const std::string& path,
           const std::string& done) {
    auto api = Api::open(connection, true);
    if (!api) return report_misuse(api.error());
    const auto reply = api->send(method, path);
    if (!reply) return report(reply.error());
    print(connection.json() && !reply->body.is_null() ? pretty_json(reply->body) : done + "\n");
    return kOk;
}

std::function<std::string(const json::value&)> time_at(std::string path) {
    return
        [path = std::move(path)](const json::value& item) { return show_time(show(item, path)); };
}

std::function<std::string(const json::value&)> texts_at(std::string path) {
    return [path = std::move(path)](const json::value& item) {
        const auto* list = member(item, path);
        if (!list || !list->is_array()) return show(list);
        std::string out;
        for (const auto& text : list->get_array()) {
            if (!out.empty()) out += ", ";
            out += show(&text);
        }
        return out;
    };
}

}  // namespace headrace::main
