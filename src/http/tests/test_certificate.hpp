#pragma once
// Certificates made for one test.

#include <string>

namespace headrace::http::testing {

struct TestCertificate {
    std::string certificate_file;
    std::string key_file;
};

/// A self-signed certificate for localhost and 127.0.0.1 in the test's folder; it is its own CA.
/// `serial` tells one from another.
TestCertificate make_test_certificate(const std::string& name, long serial);

}  // namespace headrace::http::testing
