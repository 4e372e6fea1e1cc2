Feature: Who comes later is matched under the rules in force
  The rules: all strict traits merge two identities; where the birth place is not known, a human is asked.

  Background:
    Given matching rules are in force
    And CHA knows Alex, born on 1970-01-02 in 33063

  Scenario: A newcomer with the same strict traits
    When CHB registers Alex, born on 1970-01-02 in 33063
    Then the two are one person, by rule strict of version 1

  Scenario: A newcomer of whom less is known
    When CHB registers Alex, born on 1970-01-02
    Then the two wait for a human, by rule review of version 1

  Scenario: A newcomer who is somebody else
    When CHB registers Alex, born on 1980-01-02 in 33063
    Then the two are 2 persons, and nobody is asked

  Scenario: A correction makes the two agree
    Given CHB registers Alex, born on 1980-01-02 in 33063
    When CHB corrects the birth date to 1970-01-02
    Then the two are one person, by rule strict of version 1

  Scenario: A correction takes the ground from what a rule merged
    Given CHB registers Alex, born on 1970-01-02 in 33063
    When CHB corrects the birth date to 1980-01-02
    Then the two are 2 persons

  Scenario: L5, what a human parted no rule joins, a bar in between included
    Given CHB registers Alex, born on 1980-01-02 in 33063
    And a human merges, unmerges, bars and unbars the two
    When CHB corrects the birth date to 1970-01-02
    Then the two are 2 persons, and nobody is asked
