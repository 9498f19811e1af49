#!/usr/bin/env escript
%% -*- erlang -*-
%%! +S 1:1 +sbwt none +A 1 -noshell
%%
%% Keeps ../shared/otp/oracle.escript up in one VM: a scenario on stdin (it ends with its line
%% `end`) is answered with its trace (which ends with `end` too), until stdin ends. The oracle
%% itself reads all of stdin before it runs anything, and a VM takes 0.3 s to start, so shrinking
%% a scenario with it would take minutes.
%%
%% Usage: serve.escript ORACLE
-mode(compile).

main([Oracle]) ->
    load(Oracle),
    logger:set_primary_config(level, error),
    lists:foreach(fun(H) -> logger:remove_handler(H) end, logger:get_handler_ids()),
    ok = logger:add_handler(trace, oracle, #{level => error}),
    io:setopts(standard_io, [binary, {encoding, latin1}]),
    serve([]).

%% The oracle is a script: it has no module name, and what we call is not exported.
load(Oracle) ->
    {ok, File} = file:open(Oracle, [read]),
    _ = io:get_line(File, ""),                        % the #! line
    {ok, Epp} = epp:open([{fd, File}, {name, Oracle}, {macros, [{'MODULE', oracle, redefine}]}]),
    Forms = [{attribute, 1, module, oracle} | epp:parse_file(Epp)],
    {ok, oracle, Code} = compile:forms(Forms, [export_all]),
    {module, oracle} = code:load_binary(oracle, Oracle, Code).

serve(Lines) ->
    case file:read_line(standard_io) of
        {ok, <<"end\n">> = End} ->
            [Scenario] = oracle:parse(iolist_to_binary(lists:reverse([End | Lines]))),
            ok = file:write(standard_io, oracle:run_scenario(Scenario, 1)),
            serve([]);
        {ok, Line} -> serve([Line | Lines]);
        eof -> halt(0)
    end.
