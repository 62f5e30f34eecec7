;; A contract for tests. BODY is the core function that `command` and `query` run: (param $in i32) (param $len i32) (result i32), a pointer to the result.
;; PAGES is the memory that it starts with.
(component
  (import "phala:contract/types@0.1.0" (instance $types
    (type $error' (record (field "code" u32) (field "message" string) (field "data" (list u8))))
    (export "error" (type (eq $error')))))
  (alias export $types "error" (type $error))

  (import "phala:contract/storage@0.1.0" (instance $storage
    (type $error' (variant (case "not-available-in-mode") (case "key-too-long") (case "value-too-long") (case "out-of-space")))
    (export "storage-error" (type $error (eq $error')))
    (export "get" (func (param "key" (list u8)) (result (result (option (list u8)) (error $error)))))
    (export "set" (func (param "key" (list u8)) (param "value" (list u8)) (result (result (error $error)))))))

  (import "phala:contract/http@0.1.0" (instance $http
    (type $request' (record (field "method" string) (field "url" string) (field "headers" (list (tuple string (list u8)))) (field "body" (list u8))))
    (export "request" (type $request (eq $request')))
    (type $options' (record (field "timeout-ms" u32) (field "max-response-bytes" u32) (field "max-redirects" u8)))
    (export "options" (type $options (eq $options')))
    (type $response' (record (field "status" u16) (field "headers" (list (tuple string (list u8)))) (field "body" (list u8)) (field "url" string)))
    (export "response" (type $response (eq $response')))
    (type $error' (variant (case "not-available-in-mode") (case "bad-request" string) (case "forbidden" string)
      (case "name-not-resolved" string) (case "not-connected" string) (case "tls" string) (case "timed-out")
      (case "response-too-long") (case "too-many-redirects") (case "bad-response" string) (case "too-many-requests")))
    (export "http-error" (type $error (eq $error')))
    (export "fetch" (func (param "request" $request) (param "options" (option $options)) (result (result $response (error $error)))))))

  (import "phala:contract/contracts@0.1.0" (instance $contracts
    (alias outer 1 $error (type $error'))
    (export "error" (type $error (eq $error')))
    (type $call-error' (variant (case "no-such-contract") (case "re-entry") (case "too-deep") (case "input-too-long")
      (case "failed" $error) (case "out-of-gas") (case "trapped" string)))
    (export "call-error" (type $call-error (eq $call-error')))
    (export "call" (func (param "contract" (list u8)) (param "input" (list u8)) (param "gas-limit" (option u64))
      (result (result (list u8) (error $call-error)))))))

  (core module $libc
    (memory (export "memory") PAGES)
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.and (i32.add (i32.add (local.get $at) (local.get 3)) (i32.const 7)) (i32.const -8)))
      (block $fits
        (loop $grow
          (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
          (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
          (br $grow)))
      (local.get $at)))
  (core instance $libc (instantiate $libc))

  (core func $get (canon lower (func $storage "get") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $set (canon lower (func $storage "set") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $fetch (canon lower (func $http "fetch") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $call (canon lower (func $contracts "call") (memory $libc "memory") (realloc (func $libc "realloc"))))

  (core module $main
    (import "libc" "memory" (memory 0))
    (import "host" "get" (func $get (param i32 i32 i32)))
    (import "host" "set" (func $set (param i32 i32 i32 i32 i32)))
    (import "host" "fetch" (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "call" (func $call (param i32 i32 i32 i32 i32 i64 i32)))
    ;; ok(bytes at, length)
    (func $ok (param $at i32) (param $len i32) (result i32)
      (i32.store (i32.const 1024) (i32.const 0))
      (i32.store (i32.const 1028) (local.get $at))
      (i32.store (i32.const 1032) (local.get $len))
      (i32.const 1024))
    ;; err(code), without message and data
    (func $err (param $code i32) (result i32)
      (i32.store (i32.const 1024) (i32.const 1))
      (i32.store (i32.const 1028) (local.get $code))
      (i64.store (i32.const 1032) (i64.const 0))
      (i64.store (i32.const 1040) (i64.const 0))
      (i32.const 1024))
    (func (export "nothing") (param i32 i32) (result i32) (call $ok (i32.const 0) (i32.const 0)))
    (func (export "migrate") (param i32 i32 i32 i32) (result i32) (call $ok (local.get 0) (local.get 1)))
    BODY
  )
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance (export "get" (func $get)) (export "set" (func $set)) (export "fetch" (func $fetch)) (export "call" (func $call))))))

  (func (export "init") (param "args" (list u8)) (result (result (list u8) (error $error)))
    (canon lift (core func $main "nothing") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (func (export "command") (param "input" (list u8)) (result (result (list u8) (error $error)))
    (canon lift (core func $main "run") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (func (export "query") (param "input" (list u8)) (result (result (list u8) (error $error)))
    (canon lift (core func $main "run") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (func (export "migrate") (param "from-code-hash" (list u8)) (param "args" (list u8)) (result (result (list u8) (error $error)))
    (canon lift (core func $main "migrate") (memory $libc "memory") (realloc (func $libc "realloc"))))
)
